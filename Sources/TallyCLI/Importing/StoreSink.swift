import TallyBase
import TallyIngest
import TallyStorage

/// Puts accepted rows into a bulk import and rejected lines into the report.
final class StoreSink: ImportSink {
  private let bulk: BulkImport
  private let rejects: RejectReport
  private let onRows: @Sendable (Int) -> Void

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
  }
}
