import TallyBase

/// Tab-separated with a header. Tab, line feed, carriage return and backslash are written `\t`,
/// `\n`, `\r` and `\\`; NULL is `\N`.
struct TSVFormatter: ResultFormatter {
  func write(_ table: ResultTable, to output: OutputBuffer) throws {
    guard !table.columns.isEmpty else { return }
    try output.write(table.columns.map { field($0.name) }.joined(separator: "\t") + "\n")
    for index in 0..<table.rowCount {
      let fields = try table.row(index).map { value in
        if case .null = value { "\\N" } else { field(ValueText.plain(value)) }
      }
      try output.write(fields.joined(separator: "\t") + "\n")
    }
  }

  private func field(_ text: String) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\t": escaped.append(contentsOf: "\\t".unicodeScalars)
      case "\n": escaped.append(contentsOf: "\\n".unicodeScalars)
      case "\r": escaped.append(contentsOf: "\\r".unicodeScalars)
      case "\\": escaped.append(contentsOf: "\\\\".unicodeScalars)
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }
}
