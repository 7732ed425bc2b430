internal import TallyBase
package import TallyExecution
package import TallyFormat
package import TallyWire

/// The rows of a result as bytes of a format: whole rows, some at a time, each piece made when
/// there is room for it.
package struct RowPieces: Sendable {
  /// Bytes of rows at which a piece ends. A row is at most 32 MiB.
  private static let pieceByteCount = 64 << 10

  private let result: ResultSet
  private let encoder: any RowEncoder
  private let rowCountMax: Int
  /// The rows that are wanted of those that there are.
  private let window: Range<Int>
  private var position: Int
  private var hasBegun = false
  /// CRC-32C of the pieces so far.
  package private(set) var checksum: UInt32 = 0
  /// Bytes of the pieces so far.
  package private(set) var byteCount = 0
  /// Whether all rows that may be sent have been made.
  package private(set) var isComplete = false

  /// - Parameter rowCountMax: rows that are sent at most; 0: all.
  package init(_ result: ResultSet, format: ResultFormat, hasHeader: Bool, rowCountMax: Int) {
    let columns = result.columns.map { ResultTable.Column(name: $0.name, type: $0.type) }
    let names = columns.map(\.name)
    let encoder: any RowEncoder
    switch format {
    case .jsonl: encoder = JSONRows(columnNames: names)
    case .csv: encoder = CSVRows(columnNames: names, hasHeader: hasHeader)
    case .tsv: encoder = TSVRows(columnNames: names, hasHeader: hasHeader)
    case .table:
      let sample = (0..<min(result.rowCount, BoxRows.measuredRowCountMax)).lazy.map { row in
        result.columns.map { $0.value(row) }
      }
      encoder = BoxRows(columns: columns, sample: sample)
    }
    self.init(result, encoder: encoder, rowCountMax: rowCountMax)
  }

  /// - Parameters:
  ///   - window: rows that are wanted; others are left out.
  ///   - rowCountMax: of those that are wanted; 0: no limit.
  package init(
    _ result: ResultSet, encoder: any RowEncoder, rowCountMax: Int, window: Range<Int>? = nil
  ) {
    self.result = result
    self.encoder = encoder
    self.rowCountMax = rowCountMax > 0 ? rowCountMax : .max
    self.window = (window ?? 0..<result.rowCount).clamped(to: 0..<result.rowCount)
    position = self.window.lowerBound
  }

  /// Rows that are sent in all.
  package var rowCount: Int { min(window.count, rowCountMax) }

  package var columns: [WireColumn] {
    result.columns.map { WireColumn(name: $0.name, type: $0.type.description) }
  }

  /// The next rows; empty if there are none.
  package mutating func next() -> [UInt8] {
    guard !isComplete else { return [] }
    let end = window.lowerBound + rowCount
    var rows: [UInt8] = []
    if !hasBegun, !result.columns.isEmpty { encoder.appendHeader(to: &rows) }
    hasBegun = true
    while position < end, rows.count < RowPieces.pieceByteCount {
      encoder.appendRow(result.columns.map { $0.value(position) }, to: &rows)
      position += 1
    }
    isComplete = position == end
    if isComplete, !result.columns.isEmpty { encoder.appendFooter(to: &rows) }
    byteCount += rows.count
    if !rows.isEmpty {
      checksum = unsafe rows.withUnsafeBytes {
        // SAFETY: the buffer is valid during the call.
        unsafe CRC32C.checksum($0, continuing: checksum)
      }
    }
    return rows
  }

  /// How it went, once it is complete.
  ///
  /// - Throws: `E_LIMIT` if there were more rows than may be sent.
  package func summary(includesMissing: Bool) throws(WireError) -> ResultSummary {
    guard window.count <= rowCountMax else {
      throw WireError(
        .limit, "the result has \(window.count) rows, \(rowCountMax) were allowed",
        hint: "raise max_rows, or ask for the top ones")
    }
    var summary = ResultSummary()
    summary.rowCount = window.count
    summary.readRowCount = result.statistics.scannedRowCount
    summary.readByteCount = result.statistics.scannedByteCount
    summary.elapsedNanoseconds = result.statistics.elapsedNanoseconds
    summary.source = result.statistics.source == .rollup ? "rollup" : "rows"
    summary.checksum = checksum
    let missingRowCount = result.statistics.missingRowCount
    if includesMissing, missingRowCount > 0 { summary.missingRowCount = missingRowCount }
    return summary
  }
}
