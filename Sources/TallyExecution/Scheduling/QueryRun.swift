import Synchronization
import TallyBase
import TallyPlanning
import TallyStorage

/// One execution of a physical plan.
struct QueryRun {
  let plan: PhysicalPlan
  let context: QueryContext
  let pool: WorkerPool
  let isProfiling: Bool
  private var statistics = ExecutionStatistics()
  private var profiles: [StepProfile] = []

  /// Rows into a step and time inside it and behind it, summed over workers.
  private struct StepProfile {
    var inputRowCount = 0
    var nanoseconds: UInt64 = 0
  }

  init(plan: PhysicalPlan, context: QueryContext, pool: WorkerPool, isProfiling: Bool) {
    self.plan = plan
    self.context = context
    self.pool = pool
    self.isProfiling = isProfiling
    profiles = [StepProfile](repeating: StepProfile(), count: plan.steps.count + 1)
  }

  mutating func execute() throws(TallyError) -> ResultSet {
    let start = Stopwatch.now()
    var pipeline = try runFirstStage()
    while let breaker = pipeline.sink, pipeline.nextStep < plan.steps.count + 1 {
      guard !(breaker is CollectSink) else { break }
      let next = try makePipeline(from: pipeline.nextStep)
      next.head.begin(task: 0)
      try breaker.produce(into: next.head)
      try next.head.endTask()
      record(next)
      pipeline = next
    }
    guard let end = pipeline.sink as? CollectSink else {
      throw TallyError(.internal, "a plan that does not end in its result")
    }
    let executed = Stopwatch.now()
    var result = try end.result(names: plan.names, types: plan.types, context: context)
    statistics.stages = [
      StageTime(name: "dispatch", nanoseconds: dispatchNanoseconds),
      StageTime(name: "execute", nanoseconds: executed - start - dispatchNanoseconds),
      StageTime(name: "encode", nanoseconds: Stopwatch.now() - executed),
    ]
    statistics.operators = operatorStatistics(resultRowCount: result.rowCount)
    result.statistics = statistics
    return result
  }

  // MARK: Pipelines

  /// A chain of consumers from one step to the next breaker or the result.
  private struct Pipeline {
    var head: Consumer
    var sink: Sink?
    /// The step behind the sink.
    var nextStep: Int
    /// Consumers by step, for profiles.
    var consumers: [(step: Int, consumer: Consumer)]
    var limit: LimitConsumer?
  }

  private func makePipeline(from first: Int) throws(TallyError) -> Pipeline {
    var end = first
    while end < plan.steps.count, !plan.steps[end].isBreaker { end += 1 }
    // A partition-wise aggregation passes on to the steps behind it on the same worker.
    if end < plan.steps.count, plan.isPartitionwise, end == firstBreaker {
      let tail = try makePipeline(from: end + 1)
      guard case .aggregate(let aggregate) = plan.steps[end] else {
        throw TallyError(.internal, "a partition-wise step that does not aggregate")
      }
      let sink = try AggregateSink(
        plan: aggregate, context: context, partitionwiseNext: timed(tail.head))
      return try wrap(
        first, end, head: sink, sink: tail.sink, nextStep: tail.nextStep,
        consumers: tail.consumers + [(end, sink)])
    }
    let sink = try makeSink(end)
    return try wrap(
      first, end, head: sink, sink: sink, nextStep: end + 1, consumers: [(end, sink)])
  }

  private var firstBreaker: Int? { plan.steps.firstIndex { $0.isBreaker } }

  private func timed(_ consumer: Consumer) -> Consumer {
    isProfiling ? TimingConsumer(next: consumer) : consumer
  }

  private func makeSink(_ step: Int) throws(TallyError) -> Sink {
    guard step < plan.steps.count else { return CollectSink(budget: context.budget) }
    switch plan.steps[step] {
    case .aggregate(let aggregate):
      return try AggregateSink(plan: aggregate, context: context, partitionwiseNext: nil)
    case .sort(let keys, let limit, let offset):
      return try SortSink(keys: keys, limit: limit, offset: offset, context: context)
    default: throw TallyError(.internal, "step '\(plan.steps[step].name)' does not end a stage")
    }
  }

  /// Puts the streaming steps `first..<end` before `head`.
  private func wrap(
    _ first: Int, _ end: Int, head: Consumer, sink: Sink?, nextStep: Int,
    consumers: [(step: Int, consumer: Consumer)]
  ) throws(TallyError) -> Pipeline {
    let compiler = ExpressionCompiler(context: context)
    var pipeline = Pipeline(head: head, sink: sink, nextStep: nextStep, consumers: consumers)
    for step in stride(from: end - 1, through: first, by: -1) {
      let next = timed(pipeline.head)
      let consumer: Consumer
      switch plan.steps[step] {
      case .filter(let predicate):
        consumer = FilterConsumer(predicate: try compiler.compile(predicate), next: next)
      case .project(let expressions):
        consumer = ProjectConsumer(expressions: try compiler.compile(expressions), next: next)
      case .limit(let limit, let offset):
        let limiter = LimitConsumer(limit: limit, offset: offset, next: next)
        pipeline.limit = limiter
        consumer = limiter
      default: throw TallyError(.internal, "a breaker in the middle of a stage")
      }
      pipeline.head = consumer
      pipeline.consumers.append((step, consumer))
    }
    pipeline.head = timed(pipeline.head)
    return pipeline
  }

  private mutating func record(_ pipeline: Pipeline) {
    for (step, consumer) in pipeline.consumers {
      profiles[step].inputRowCount += consumer.inputRowCount
      profiles[step].nanoseconds += consumer.nanoseconds
    }
  }

  // MARK: First stage

  private mutating func runFirstStage() throws(TallyError) -> Pipeline {
    guard let scan = plan.scan else { return try runValues() }
    statistics.segmentCount = scan.segmentCount
    statistics.prunedSegmentCount = scan.prunedSegmentCount
    statistics.prunedRowCount = scan.prunedRowCount
    statistics.missingRowCount = scan.missingRowCount
    statistics.rollupSegmentCount = scan.slices.count
    statistics.source =
      scan.morsels.isEmpty && !scan.slices.isEmpty ? .rollup : .rows
    if plan.isSequential { return try runSequentially(scan) }
    let tasks = FirstStageTask.tasks(plan, scan)
    let workerCount = max(1, min(context.options.threadCount, pool.threadCount, tasks.count))
    let workers = Mutex<[Int: ScanWorker]>([:])
    let this = self
    let start = Stopwatch.now()
    try pool.run(count: tasks.count, workers: workerCount) { (task, worker) throws(TallyError) in
      let existing = workers.withLock { $0[worker] }
      let own: ScanWorker
      if let existing {
        own = existing
      } else {
        own = ScanWorker(
          plan: this.plan, scan: scan, pipeline: try this.makePipeline(from: 0),
          context: this.context)
        workers.withLock { $0[worker] = own }
      }
      try own.run(tasks[task], task: task)
    }
    let all = workers.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
    guard let first = all.first else { return try makePipeline(from: 0) }
    let busiest = all.map(\.nanoseconds).max() ?? 0
    let elapsed = Stopwatch.now() - start
    dispatchNanoseconds = elapsed - min(busiest, elapsed)
    for worker in all { account(worker) }
    for other in all.dropFirst() {
      if let sink = first.pipeline.sink, let theirs = other.pipeline.sink {
        try sink.merge(theirs)
      }
    }
    return first.pipeline
  }

  private mutating func account(_ worker: ScanWorker) {
    if let cursor = worker.cursor {
      statistics.scannedRowCount += cursor.scannedRowCount
      statistics.prunedRowCount += cursor.prunedRowCount
      statistics.scannedByteCount += cursor.scannedByteCount
    }
    statistics.scannedRowCount += worker.rollupCursor?.readRowCount ?? 0
    scanNanoseconds += worker.nanoseconds
    record(worker.pipeline)
  }

  private var scanNanoseconds: UInt64 = 0
  /// From handing out work to its end, less what the busiest worker spent on it.
  private var dispatchNanoseconds: UInt64 = 0

  /// One worker's cursors and consumers. Used by one thread at a time: the pool never runs two
  /// tasks of one worker number at once, and hands over through its lock.
  private final class ScanWorker: @unchecked Sendable {
    let pipeline: Pipeline
    private let plan: PhysicalPlan
    private let scan: ScanPlan
    private let context: QueryContext
    private(set) var cursor: ScanCursor?
    private(set) var rollupCursor: RollupCursor?
    private(set) var nanoseconds: UInt64 = 0

    init(plan: PhysicalPlan, scan: ScanPlan, pipeline: Pipeline, context: QueryContext) {
      self.plan = plan
      self.scan = scan
      self.pipeline = pipeline
      self.context = context
    }

    func run(_ task: FirstStageTask, task number: Int) throws(TallyError) {
      let start = Stopwatch.now()
      pipeline.head.begin(task: number)
      if let day = task.day { pipeline.head.begin(day: day) }
      if !task.slices.isEmpty { try read(task.slices) }
      for morsel in task.morsels {
        do throws(TallyError) {
          try read(morsel)
        } catch {
          guard context.leavesOut(morsel.segment, rowGroup: morsel.rowGroup, after: error) else {
            throw error
          }
        }
      }
      try pipeline.head.endTask()
      nanoseconds += Stopwatch.now() - start
    }

    private func read(_ morsel: Morsel) throws(TallyError) {
      let made: ScanCursor
      if let cursor { made = cursor } else { made = try ScanCursor(plan: scan, context: context) }
      cursor = made
      try made.run(morsel) { (batch) throws(TallyError) in try pipeline.head.consume(batch) }
    }

    private func read(_ slices: ArraySlice<RollupSlice>) throws(TallyError) {
      guard let rollups = plan.rollups,
        let sink = pipeline.consumers.lazy.compactMap({ $0.consumer as? AggregateSink }).first
      else { throw TallyError(.internal, "rollups are read by a plan that does not aggregate") }
      let made: RollupCursor
      if let rollupCursor {
        made = rollupCursor
      } else {
        made = try RollupCursor(rollups, plan: scan, context: context)
      }
      rollupCursor = made
      sink.partial = made.input
      defer { sink.partial = nil }
      try made.run(slices) { (batch) throws(TallyError) in try pipeline.head.consume(batch) }
    }
  }

  private mutating func runSequentially(_ scan: ScanPlan) throws(TallyError) -> Pipeline {
    let pipeline = try makePipeline(from: 0)
    let worker = ScanWorker(
      plan: plan, scan: scan, pipeline: pipeline, context: context)
    for (task, morsel) in scan.morsels.enumerated() {
      if pipeline.limit?.isDone == true { break }
      try worker.run(FirstStageTask(morsels: [morsel]), task: task)
    }
    account(worker)
    return pipeline
  }

  private mutating func runValues() throws(TallyError) -> Pipeline {
    let pipeline = try makePipeline(from: 0)
    guard let values = plan.values else { return pipeline }
    let vectors = values.types.map { Vector(type: $0) }
    pipeline.head.begin(task: 0)
    var start = 0
    while start < values.rows.count {
      let rows = values.rows[start..<min(start + Vector.rowCountMax, values.rows.count)]
      for (column, vector) in vectors.enumerated() {
        vector.reset()
        vector.pool = context.texts
        for (row, value) in zip(0..., rows) {
          if case .text(let text) = value[column] {
            unsafe vector.codes[row] = try context.texts.withGrowingTable { $0.intern(text) }
          } else {
            try vector.set(row, value[column])
          }
        }
      }
      try pipeline.head.consume(Batch(rowCount: rows.count, columns: vectors))
      start += rows.count
    }
    try pipeline.head.endTask()
    record(pipeline)
    return pipeline
  }

  // MARK: Statistics

  /// Operators from the scan up; a step's output is the next step's input.
  private func operatorStatistics(resultRowCount: Int) -> [OperatorStatistics] {
    var result: [OperatorStatistics] = []
    let inner = profiles[0].nanoseconds
    result.append(
      OperatorStatistics(
        name: plan.scan == nil ? "Values" : "Scan", rowCount: profiles[0].inputRowCount,
        nanoseconds: scanNanoseconds &- min(inner, scanNanoseconds)))
    for (index, step) in plan.steps.enumerated() {
      let output = index + 1 < plan.steps.count ? profiles[index + 1].inputRowCount : resultRowCount
      let behind =
        step.isBreaker && !(plan.isPartitionwise && index == firstBreaker)
        ? 0 : profiles[index + 1].nanoseconds
      let own = profiles[index].nanoseconds
      result.append(
        OperatorStatistics(
          name: step.name, rowCount: output, nanoseconds: own &- min(behind, own)))
    }
    return result
  }
}
