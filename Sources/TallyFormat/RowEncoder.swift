package import TallyBase

/// Rows as bytes of one format, one after another: what is sent while it is being made.
package protocol RowEncoder: Sendable {
  /// What comes before the first row.
  func appendHeader(to bytes: inout [UInt8])
  /// One row, a value a column, with its line end.
  func appendRow(_ values: [Value], to bytes: inout [UInt8])
  /// What comes after the last row.
  func appendFooter(to bytes: inout [UInt8])
}

extension RowEncoder {
  package func appendHeader(to bytes: inout [UInt8]) {}
  package func appendFooter(to bytes: inout [UInt8]) {}

  /// Writes all of a table.
  func write(_ table: ResultTable, to output: any TextOutput) throws {
    guard !table.columns.isEmpty else { return }
    var bytes: [UInt8] = []
    appendHeader(to: &bytes)
    for index in 0..<table.rowCount {
      appendRow(try table.row(index), to: &bytes)
      try output.write(bytes)
      bytes.removeAll(keepingCapacity: true)
    }
    appendFooter(to: &bytes)
    if !bytes.isEmpty { try output.write(bytes) }
  }
}
