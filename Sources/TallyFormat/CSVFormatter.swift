package import TallyBase

/// RFC 4180 with a header and LF line ends. NULL is an empty field, an empty text is `""`.
struct CSVFormatter: ResultFormatter {
  func write(_ table: ResultTable, to output: any TextOutput) throws {
    try CSVRows(columnNames: table.columns.map(\.name)).write(table, to: output)
  }
}

/// Rows as ``OutputFormat/csv``.
package struct CSVRows: RowEncoder {
  private let columnNames: [String]
  private let hasHeader: Bool
  private let delimiter: UInt8

  /// - Parameters:
  ///   - hasHeader: whether the names of the columns come first.
  ///   - delimiter: between two fields; ASCII, and no quote.
  package init(
    columnNames: [String], hasHeader: Bool = true, delimiter: UInt8 = UInt8(ascii: ",")
  ) {
    self.columnNames = columnNames
    self.delimiter = delimiter
    self.hasHeader = hasHeader
  }

  package func appendHeader(to bytes: inout [UInt8]) {
    guard hasHeader else { return }
    for (index, name) in columnNames.enumerated() {
      if index > 0 { bytes.append(delimiter) }
      append(name, to: &bytes)
    }
    bytes.append(0x0A)
  }

  package func appendRow(_ values: [Value], to bytes: inout [UInt8]) {
    for (index, value) in values.enumerated() {
      if index > 0 { bytes.append(delimiter) }
      if !value.isNull { append(ValueText.plain(value), to: &bytes) }
    }
    bytes.append(0x0A)
  }

  private func append(_ text: String, to bytes: inout [UInt8]) {
    let isPlain = !text.utf8.contains { byte in
      byte == delimiter || byte == UInt8(ascii: "\"") || byte == 0x0A || byte == 0x0D
    }
    if isPlain, !text.isEmpty { return bytes.append(contentsOf: text.utf8) }
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
