import TallyBase
import TallyPlanning

/// Keeps the rows for which the predicate is true.
final class FilterConsumer: Consumer {
  private let predicate: ExpressionNode
  private let next: Consumer
  private let selection = SelectionVector()
  private let subset = BatchSubset()

  init(predicate: ExpressionNode, next: Consumer) {
    self.predicate = predicate
    self.next = next
  }

  override func process(_ batch: Batch) throws(TallyError) {
    let result = try predicate.evaluate(batch)
    result.flatten(rowCount: batch.rowCount)
    let mask = unsafe result.bools
    if result.hasNulls {
      for row in 0..<batch.rowCount { unsafe mask[row] &= result.validity[row] }
    }
    selection.count = unsafe SelectKernel.rows(mask, batch.rowCount, into: selection.indexes)
    if selection.count > 0 { try next.consume(subset.take(batch, selection)) }
  }

  override func begin(task: Int) { next.begin(task: task) }
  override func begin(day: Day) { next.begin(day: day) }
  override func endTask() throws(TallyError) { try next.endTask() }
}
