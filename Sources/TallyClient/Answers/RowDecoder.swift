/// Reads rows of tab-separated values. Whole rows are fed, as the protocol sends them.
struct RowDecoder: Sendable {
  private let columns: [TallyClient.Column]
  private var bytes: [UInt8] = []
  private var position = 0

  init(columns: [TallyClient.Column]) { self.columns = columns }

  mutating func feed(_ bytes: [UInt8]) {
    self.bytes = bytes
    position = 0
  }

  /// The next row; nil if more bytes are needed.
  ///
  /// - Throws: ``TallyClientError/Code/damaged`` if it does not have the columns of the result.
  mutating func next() throws(TallyClientError) -> TallyClient.Row? {
    guard position < bytes.count else { return nil }
    var values: [TallyClient.Value] = []
    values.reserveCapacity(columns.count)
    while true {
      let start = position
      var isEscaped = false
      while position < bytes.count, bytes[position] != 0x09, bytes[position] != 0x0A {
        if bytes[position] == UInt8(ascii: "\\") { isEscaped = true }
        position += 1
      }
      guard values.count < columns.count, position < bytes.count else { throw RowDecoder.damaged }
      values.append(
        try value(bytes[start..<position], isEscaped: isEscaped, columns[values.count].type))
      position += 1
      if bytes[position - 1] == 0x0A { break }
    }
    guard values.count == columns.count else { throw RowDecoder.damaged }
    return TallyClient.Row(columns: columns, values: values)
  }

  private func value(
    _ cell: ArraySlice<UInt8>, isEscaped: Bool, _ type: String
  ) throws(TallyClientError) -> TallyClient.Value {
    var text = String(decoding: cell, as: UTF8.self)
    if isEscaped {
      if text == "\\N" { return .null }
      text = RowDecoder.unescaped(cell)
    }
    guard let value = TallyClient.Value(text: text, type: type) else {
      throw TallyClientError(.damaged, "found '\(text)' in a column of type \(type)")
    }
    return value
  }

  private static func unescaped(_ cell: ArraySlice<UInt8>) -> String {
    var bytes: [UInt8] = []
    var isAfterBackslash = false
    for byte in cell {
      guard isAfterBackslash else {
        isAfterBackslash = byte == UInt8(ascii: "\\")
        if !isAfterBackslash { bytes.append(byte) }
        continue
      }
      isAfterBackslash = false
      switch byte {
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static let damaged = TallyClientError(
    .damaged, "found a row that does not have the columns of the result")
}
