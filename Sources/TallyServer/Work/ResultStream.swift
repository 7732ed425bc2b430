internal import TallyBase
internal import TallyExecution
internal import TallyFormat
internal import TallyWire

/// The rows of a result as they are sent: whole rows, some at a time, each piece made when there is
/// room for it.
package struct ResultStream: Sendable {
  /// Bytes of rows at which a piece ends. A row is at most 32 MiB.
  static let pieceByteCount = 64 << 10

  private let result: ResultSet
  private let tag: String?
  private let encoder: any RowEncoder
  private let rowCountMax: Int
  private var position = 0
  private(set) var checksum: UInt32 = 0
  private var hasBegun = false
  private let includesMissing: Bool
  /// Of a push: its number.
  private let pushNumber: Int?
  /// Why the last reply is none of success.
  private(set) var failure: WireError?
  /// Bytes of rows made so far.
  private(set) var rowByteCount = 0
  /// Rows that are sent in all.
  var rowCount: Int { min(result.rowCount, rowCountMax) }
  /// Whether the last reply has been made.
  private(set) var isFinished = false

  /// - Parameter rowCountMax: rows that are sent at most; 0: all.
  init(
    _ result: ResultSet, tag: String?, options: QueryOptions, rowCountMax: Int,
    pushNumber: Int? = nil
  ) {
    self.pushNumber = pushNumber
    self.result = result
    self.tag = tag
    self.rowCountMax = rowCountMax > 0 ? rowCountMax : .max
    includesMissing = options.allowsPartialAnswers == true
    let columns = result.columns.map { ResultTable.Column(name: $0.name, type: $0.type) }
    let names = columns.map(\.name)
    switch options.format ?? .jsonl {
    case .jsonl: encoder = JSONRows(columnNames: names)
    case .csv: encoder = CSVRows(columnNames: names, hasHeader: options.hasHeader ?? true)
    case .tsv: encoder = TSVRows(columnNames: names, hasHeader: options.hasHeader ?? true)
    case .table:
      let sample = (0..<min(result.rowCount, BoxRows.measuredRowCountMax)).lazy.map { row in
        result.columns.map { $0.value(row) }
      }
      encoder = BoxRows(columns: columns, sample: sample)
    }
  }

  /// The line with which the result begins.
  func appendHeader(format: ResultFormat, to bytes: inout [UInt8]) {
    let columns = result.columns.map { WireColumn(name: $0.name, type: $0.type.description) }
    let fields = pushFields + [WireField("format", format.rawValue)]
    Reply(tag: tag, .header(columns), fields: fields).encode(into: &bytes)
  }

  private var pushFields: [WireField] {
    pushNumber.map { [WireField("push", "\($0)")] } ?? []
  }

  /// Appends the next rows, and the last reply once there are no more.
  mutating func appendPiece(to bytes: inout [UInt8]) {
    guard !isFinished else { return }
    let end = min(result.rowCount, rowCountMax)
    var rows: [UInt8] = []
    if !hasBegun, !result.columns.isEmpty { encoder.appendHeader(to: &rows) }
    hasBegun = true
    while position < end, rows.count < ResultStream.pieceByteCount {
      encoder.appendRow(result.columns.map { $0.value(position) }, to: &rows)
      position += 1
    }
    let isComplete = position == end
    if isComplete, !result.columns.isEmpty { encoder.appendFooter(to: &rows) }
    if !rows.isEmpty {
      checksum = unsafe rows.withUnsafeBytes {
        // SAFETY: the buffer is valid during the call.
        unsafe CRC32C.checksum($0, continuing: checksum)
      }
      rowByteCount += rows.count
      Reply(tag: tag, .rows(rows)).encode(into: &bytes)
    }
    if isComplete { appendEnd(to: &bytes) }
  }

  private mutating func appendEnd(to bytes: inout [UInt8]) {
    isFinished = true
    guard result.rowCount <= rowCountMax else {
      let error = WireError(
        .limit, "the result has \(result.rowCount) rows, \(rowCountMax) were allowed",
        hint: "raise max_rows, or ask for the top ones")
      failure = error
      return Reply(tag: tag, .failure(error)).encode(into: &bytes)
    }
    var summary = ResultSummary()
    summary.rowCount = result.rowCount
    summary.readRowCount = result.statistics.scannedRowCount
    summary.readByteCount = result.statistics.scannedByteCount
    summary.elapsedNanoseconds = result.statistics.elapsedNanoseconds
    summary.source = result.statistics.source == .rollup ? "rollup" : "rows"
    summary.checksum = checksum
    let missingRowCount = result.statistics.missingRowCount
    if includesMissing, missingRowCount > 0 { summary.missingRowCount = missingRowCount }
    Reply(tag: tag, .end, fields: pushFields + summary.fields).encode(into: &bytes)
  }
}
