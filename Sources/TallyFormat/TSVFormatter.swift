package import TallyBase

/// Tab-separated with a header. Tab, line feed, carriage return and backslash are written `\t`,
/// `\n`, `\r` and `\\`; NULL is `\N`.
struct TSVFormatter: ResultFormatter {
  func write(_ table: ResultTable, to output: any TextOutput) throws {
    try TSVRows(columnNames: table.columns.map(\.name)).write(table, to: output)
  }
}

/// Rows as ``OutputFormat/tsv``.
package struct TSVRows: RowEncoder {
  private let columnNames: [String]
  private let hasHeader: Bool

  /// - Parameter hasHeader: whether the names of the columns come first.
  package init(columnNames: [String], hasHeader: Bool = true) {
    self.columnNames = columnNames
    self.hasHeader = hasHeader
  }

  package func appendHeader(to bytes: inout [UInt8]) {
    guard hasHeader else { return }
    for (index, name) in columnNames.enumerated() {
      if index > 0 { bytes.append(0x09) }
      append(name, to: &bytes)
    }
    bytes.append(0x0A)
  }

  package func appendRow(_ values: [Value], to bytes: inout [UInt8]) {
    for (index, value) in values.enumerated() {
      if index > 0 { bytes.append(0x09) }
      if value.isNull {
        bytes.append(contentsOf: "\\N".utf8)
      } else {
        append(ValueText.plain(value), to: &bytes)
      }
    }
    bytes.append(0x0A)
  }

  private func append(_ text: String, to bytes: inout [UInt8]) {
    for byte in text.utf8 {
      switch byte {
      case 0x09: bytes.append(contentsOf: "\\t".utf8)
      case 0x0A: bytes.append(contentsOf: "\\n".utf8)
      case 0x0D: bytes.append(contentsOf: "\\r".utf8)
      case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
      default: bytes.append(byte)
      }
    }
  }
}
