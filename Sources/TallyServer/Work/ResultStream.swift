internal import TallyExecution
internal import TallyWire

/// A result as replies of the line protocol, made piece by piece.
package struct ResultStream: Sendable {
  private var pieces: RowPieces
  private let tag: String?
  private let includesMissing: Bool
  /// Of a push: its number.
  private let pushNumber: Int?
  /// Why the last reply is none of success.
  private(set) var failure: WireError?
  /// Whether the last reply has been made.
  private(set) var isFinished = false

  var checksum: UInt32 { pieces.checksum }
  /// Bytes of rows made so far.
  var rowByteCount: Int { pieces.byteCount }
  /// Rows that are sent in all.
  var rowCount: Int { pieces.rowCount }

  /// - Parameter rowCountMax: rows that are sent at most; 0: all.
  init(
    _ result: ResultSet, tag: String?, options: QueryOptions, rowCountMax: Int,
    pushNumber: Int? = nil
  ) {
    pieces = RowPieces(
      result, format: options.format ?? .jsonl, hasHeader: options.hasHeader ?? true,
      rowCountMax: rowCountMax)
    self.tag = tag
    self.pushNumber = pushNumber
    includesMissing = options.allowsPartialAnswers == true
  }

  /// The line with which the result begins.
  func appendHeader(format: ResultFormat, to bytes: inout [UInt8]) {
    let fields = pushFields + [WireField("format", format.rawValue)]
    Reply(tag: tag, .header(pieces.columns), fields: fields).encode(into: &bytes)
  }

  private var pushFields: [WireField] {
    pushNumber.map { [WireField("push", "\($0)")] } ?? []
  }

  /// Appends the next rows, and the last reply once there are no more.
  mutating func appendPiece(to bytes: inout [UInt8]) {
    guard !isFinished else { return }
    let rows = pieces.next()
    if !rows.isEmpty { Reply(tag: tag, .rows(rows)).encode(into: &bytes) }
    if pieces.isComplete { appendEnd(to: &bytes) }
  }

  private mutating func appendEnd(to bytes: inout [UInt8]) {
    isFinished = true
    do throws(WireError) {
      let summary = try pieces.summary(includesMissing: includesMissing)
      Reply(tag: tag, .end, fields: pushFields + summary.fields).encode(into: &bytes)
    } catch {
      failure = error
      Reply(tag: tag, .failure(error)).encode(into: &bytes)
    }
  }
}
