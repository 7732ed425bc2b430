import TallyBase

/// RFC 4180 with a header and LF line ends. NULL is an empty field, an empty text is `""`.
struct CSVFormatter: ResultFormatter {
  func write(_ table: ResultTable, to output: OutputBuffer) throws {
    guard !table.columns.isEmpty else { return }
    try output.write(table.columns.map { field($0.name) }.joined(separator: ",") + "\n")
    for index in 0..<table.rowCount {
      let fields = try table.row(index).map { value in
        if case .null = value { "" } else { field(ValueText.plain(value)) }
      }
      try output.write(fields.joined(separator: ",") + "\n")
    }
  }

  private func field(_ text: String) -> String {
    let isPlain = !text.utf8.contains { byte in
      byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == 0x0A || byte == 0x0D
    }
    if isPlain, !text.isEmpty { return text }
    var quoted = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar == "\"" { quoted.append(scalar) }
      quoted.append(scalar)
    }
    return "\"" + String(quoted) + "\""
  }
}
