internal import Tally
internal import TallyExecution
internal import TallyWire

/// How long the stages of a query took: `Server-Timing`.
struct QueryTimes: Sendable {
  /// When it was submitted.
  let submitted = ContinuousClock.now
  /// Rows of the answer, for the audit log.
  private(set) var rowCount = 0
  /// Where it came from, for metrics.
  private(set) var source: String?
  private var stages: [(name: String, nanoseconds: UInt64)] = []

  /// It is being answered.
  mutating func begin() { stages.append(("queue", QueryTimes.nanoseconds(since: submitted))) }

  mutating func end(_ answer: Session.Answer) {
    rowCount = answer.result.rowCount
    source = answer.result.statistics.source.rawValue
    stages += answer.stages.map { ($0.name, $0.nanoseconds) }
    stages.append(("exec", answer.result.statistics.elapsedNanoseconds))
  }

  var header: String {
    stages.map { "\($0.name);dur=\(ResultSummary.milliseconds($0.nanoseconds))" }
      .joined(separator: ", ")
  }

  static func nanoseconds(since start: ContinuousClock.Instant) -> UInt64 {
    let elapsed = start.duration(to: .now).components
    return UInt64(clamping: elapsed.seconds) &* 1_000_000_000
      &+ UInt64(clamping: elapsed.attoseconds / 1_000_000_000)
  }
}
