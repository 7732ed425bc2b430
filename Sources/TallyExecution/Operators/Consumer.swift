import TallyBase

/// An operator of one worker's pipeline: takes batches, hands results to the next consumer.
class Consumer {
  /// Rows taken in.
  final var inputRowCount = 0
  /// Nanoseconds inside this consumer and those behind it; measured only for EXPLAIN ANALYZE.
  final var nanoseconds: UInt64 = 0

  /// Takes a batch, valid during the call. Override `process`, not this.
  final func consume(_ batch: Batch) throws(TallyError) {
    inputRowCount += batch.rowCount
    try process(batch)
  }

  func process(_ batch: Batch) throws(TallyError) {}

  /// The batches that follow come from task `task`, whose rows come before those of later tasks.
  func begin(task: Int) {}

  /// All rows of the task are of this day.
  func begin(day: Day) {}

  /// A task's last batch was delivered; partition-wise operators hand their groups on.
  func endTask() throws(TallyError) {}
}

/// A consumer that keeps what it takes until all workers are done.
class Sink: Consumer {
  /// Adds what another worker's sink of the same kind kept.
  func merge(_ other: Sink) throws(TallyError) {}

  /// Hands the result on, in order.
  func produce(into next: Consumer) throws(TallyError) {}
}

/// Adds the time of everything behind it, for EXPLAIN ANALYZE.
final class TimingConsumer: Consumer {
  private let next: Consumer
  init(next: Consumer) { self.next = next }

  override func process(_ batch: Batch) throws(TallyError) {
    let start = Stopwatch.now()
    try next.consume(batch)
    next.nanoseconds += Stopwatch.now() - start
  }
  override func begin(task: Int) { next.begin(task: task) }
  override func begin(day: Day) { next.begin(day: day) }
  override func endTask() throws(TallyError) {
    let start = Stopwatch.now()
    try next.endTask()
    next.nanoseconds += Stopwatch.now() - start
  }
}
