import Synchronization
import TallyBase
import TallyFile
import TallyIngest
import TallyStorage

/// Puts accepted rows into a bulk import and rejected lines into the report.
final class StoreSink: ImportSink {
  private let bulk: BulkImport
  private let rejects: RejectReport
  private let onRows: @Sendable (Int) -> Void
  private let rejected = Mutex(Rejected())

  /// - Parameter onRows: told the number of rows of each batch.
  init(bulk: BulkImport, rejects: RejectReport, onRows: @escaping @Sendable (Int) -> Void) {
    self.bulk = bulk
    self.rejects = rejects
    self.onRows = onRows
  }

  func accept(_ batch: EventBatch) throws(TallyError) {
    try bulk.add(batch)
    onRows(batch.rowCount)
  }

  func reject(_ rejections: [Rejection], input: String) throws(TallyError) {
    try rejects.add(rejections, input: input)
    let now = WallClock.nowMicroseconds()
    rejected.withLock { rejected in
      rejected.count += rejections.count
      for rejection in rejections.prefix(StoreSink.keptCountMax - rejected.rows.count) {
        rejected.rows.append(
          RejectedRow(
            timeMicroseconds: now, source: input, line: rejection.line, field: rejection.field,
            reason: rejection.reason,
            text: String(
              decoding: rejection.original.prefix(RejectedRow.textByteCountMax), as: UTF8.self)))
      }
    }
  }

  /// The rejected lines that the store keeps, and how many there were.
  var rejectedRows: (rows: [RejectedRow], count: Int) {
    rejected.withLock { ($0.rows, $0.count) }
  }

  /// Rejected lines that an import leaves in the store.
  private static let keptCountMax = 10_000

  private struct Rejected {
    var rows: [RejectedRow] = []
    var count = 0
  }
}
