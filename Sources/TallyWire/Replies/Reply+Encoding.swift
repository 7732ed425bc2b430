extension Reply {
  /// Appends the line, and its payload, as a server sends them.
  package func encode(into bytes: inout [UInt8]) {
    switch kind {
    case .done(let word, let message):
      begin("+", &bytes)
      bytes += word.utf8
      append(fields, to: &bytes)
      append(message, to: &bytes)
    case .failure(let error):
      begin("-", &bytes)
      bytes += error.code.rawValue.utf8
      append(error.fields, to: &bytes)
      append([WireField("retry", error.isRetryable ? "yes" : "no")], to: &bytes)
      append(error.message, to: &bytes)
    case .header(let columns):
      begin("=", &bytes)
      append(fields, to: &bytes)
      separate(&bytes)
      bytes += "cols=".utf8
      ColumnList.append(columns, to: &bytes)
    case .rows(let rows):
      begin(">", &bytes)
      append(fields, to: &bytes)
      separate(&bytes)
      bytes += "{\(rows.count)}\n".utf8
      bytes += rows
    case .end:
      begin(".", &bytes)
      append(fields, to: &bytes)
    case .notice(let word, let message):
      begin("~", &bytes)
      bytes += word.utf8
      append(fields, to: &bytes)
      append(message, to: &bytes)
    }
    bytes.append(0x0A)
  }

  /// The first byte and the tag, with a blank after it.
  private func begin(_ first: Unicode.Scalar, _ bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: first))
    guard let tag else { return }
    bytes.append(UInt8(ascii: "#"))
    bytes += tag.utf8
    bytes.append(0x20)
  }

  /// A blank between the facts and what ends the line.
  private func separate(_ bytes: inout [UInt8]) {
    if !fields.isEmpty { bytes.append(0x20) }
  }

  private func append(_ fields: [WireField], to bytes: inout [UInt8]) {
    for (index, field) in fields.enumerated() {
      if index > 0 || !kind.hasNoWord { bytes.append(0x20) }
      field.encode(into: &bytes)
    }
  }

  private func append(_ message: String?, to bytes: inout [UInt8]) {
    guard let message else { return }
    bytes += " :".utf8
    bytes += message.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
  }
}

extension Reply.Kind {
  /// Whether the first key follows the first byte, or the blank after the tag, at once.
  fileprivate var hasNoWord: Bool {
    switch self {
    case .header, .rows, .end: true
    case .done, .failure, .notice: false
    }
  }
}
