import TallyBase
import TallyPlanning

/// Computes expressions.
final class ProjectConsumer: Consumer {
  private let expressions: [ExpressionNode]
  private let next: Consumer

  init(expressions: [ExpressionNode], next: Consumer) {
    self.expressions = expressions
    self.next = next
  }

  override func process(_ batch: Batch) throws(TallyError) {
    var columns: [Vector] = []
    columns.reserveCapacity(expressions.count)
    for expression in expressions { columns.append(try expression.evaluate(batch)) }
    try next.consume(Batch(rowCount: batch.rowCount, columns: columns))
  }

  override func begin(task: Int) { next.begin(task: task) }
  override func begin(day: Day) { next.begin(day: day) }
  override func endTask() throws(TallyError) { try next.endTask() }
}
