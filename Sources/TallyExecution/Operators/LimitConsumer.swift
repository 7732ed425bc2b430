import TallyBase

/// Skips `offset` rows, then passes `limit` on. Runs on one worker, so rows come in order.
final class LimitConsumer: Consumer {
  private var skip: Int
  private var left: Int
  private let next: Consumer
  private var vectors: [Vector] = []

  init(limit: Int?, offset: Int, next: Consumer) {
    skip = offset
    left = limit ?? .max
    self.next = next
  }

  /// Whether further rows would be dropped.
  var isDone: Bool { left == 0 }

  override func process(_ batch: Batch) throws(TallyError) {
    let skipped = min(skip, batch.rowCount)
    skip -= skipped
    let count = min(left, batch.rowCount - skipped)
    guard count > 0 else { return }
    left -= count
    if count == batch.rowCount { return try next.consume(batch) }
    if vectors.isEmpty { vectors = batch.columns.map { Vector(type: $0.type) } }
    for (index, source) in batch.columns.enumerated() {
      vectors[index].slice(source, start: skipped, count: count)
    }
    try next.consume(Batch(rowCount: count, columns: vectors))
  }

  override func begin(task: Int) { next.begin(task: task) }
  override func begin(day: Day) { next.begin(day: day) }
  override func endTask() throws(TallyError) { try next.endTask() }
}
