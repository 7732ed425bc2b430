import NIOCore
import TallyBase

/// Begins the requests of a load and counts its replies. Lives on one event loop, with all
/// connections.
final class BenchDriver {
  /// How long what was sent may take to be answered after the end.
  private static let drainTimeout = TimeAmount.seconds(10)

  let plan: BenchPlan
  private let loop: any EventLoop
  private let completion: EventLoopPromise<BenchReport>
  var handlers: [BenchHandler] = []
  private var readyCount = 0
  private(set) var isSending = false
  private var isOver = false
  private var startTime: UInt64 = 0
  private var measureTime: UInt64 = 0
  private var endTime: UInt64 = 0
  /// Requests begun at fixed times.
  private var begunCount = 0
  private var report: BenchReport
  private var acceptedBefore = 0
  var sentByteCount = 0
  var receivedByteCount = 0

  init(_ plan: BenchPlan, loop: any EventLoop, completion: EventLoopPromise<BenchReport>) {
    self.plan = plan
    self.loop = loop
    self.completion = completion
    report = BenchReport(
      kind: plan.kind, connectionCount: plan.connectionCount, depth: plan.depth, rate: plan.rate,
      seconds: Double(plan.duration.nanoseconds) / 1e9)
  }

  // MARK: The course of a run

  func becomeReady() {
    readyCount += 1
    guard readyCount == plan.connectionCount else { return }
    let bound = NIOLoopBound(self, eventLoop: loop)
    // Behind the events of the last connection, whose handler may not be in the list yet.
    loop.execute { bound.value.start() }
  }

  private func start() {
    isSending = true
    startTime = NIODeadline.now().uptimeNanoseconds
    measureTime = startTime + UInt64(plan.warmUp.nanoseconds)
    endTime = measureTime + UInt64(plan.duration.nanoseconds)
    let bound = NIOLoopBound(self, eventLoop: loop)
    loop.scheduleTask(deadline: .uptimeNanoseconds(measureTime)) { bound.value.beginMeasuring() }
    loop.scheduleTask(deadline: .uptimeNanoseconds(endTime)) { bound.value.stop() }
    if plan.rate == nil {
      for handler in handlers { handler.fill(startTime) }
    } else {
      beginDue()
    }
  }

  private func beginMeasuring() {
    sentByteCount = 0
    receivedByteCount = 0
    acceptedBefore = handlers.reduce(0) { $0 + $1.acceptedCount }
  }

  /// Begins the requests whose time has come, and comes back when the next one is due.
  private func beginDue() {
    guard isSending, let rate = plan.rate else { return }
    let interval = 1e9 / rate
    let now = NIODeadline.now().uptimeNanoseconds
    var due = startTime + UInt64(Double(begunCount) * interval)
    while due <= now {
      handlers[begunCount % handlers.count].begin(due)
      begunCount += 1
      due = startTime + UInt64(Double(begunCount) * interval)
    }
    let bound = NIOLoopBound(self, eventLoop: loop)
    loop.scheduleTask(deadline: .uptimeNanoseconds(due)) { bound.value.beginDue() }
  }

  private func stop() {
    isSending = false
    report.sentByteCount = sentByteCount
    report.receivedByteCount = receivedByteCount
    report.rowCount = handlers.reduce(0) { $0 + $1.acceptedCount } - acceptedBefore
    // With fixed times, every request that was begun counts, however late its answer is.
    guard plan.rate != nil else { return finish() }
    let bound = NIOLoopBound(self, eventLoop: loop)
    loop.scheduleTask(in: BenchDriver.drainTimeout) { bound.value.finish() }
    checkIsDrained()
  }

  func checkIsDrained() {
    if handlers.allSatisfy({ $0.unansweredCount == 0 }) { finish() }
  }

  private func finish() {
    guard !isOver else { return }
    isOver = true
    if plan.rate != nil {
      report.unansweredCount = handlers.reduce(0) { $0 + $1.unansweredCount }
    }
    report.failureCount = handlers.reduce(0) { $0 + $1.failureCount }
    report.firstFailure = handlers.compactMap(\.firstFailure).first
    completion.succeed(report)
  }

  func fail(_ error: TallyError) {
    guard !isOver else { return }
    isOver = true
    isSending = false
    completion.fail(error)
  }

  /// A request that began at `begin` was answered.
  func record(_ begin: UInt64, _ now: UInt64) {
    let isMeasured = plan.rate == nil ? isSending && now >= measureTime : begin >= measureTime
    guard isMeasured else { return }
    report.requestCount += 1
    report.latencies.add(now > begin ? now - begin : 0)
  }
}
