internal import Synchronization
package import TallyWire

/// What a server counts about itself, over all protocols, from its start on. Counters only grow.
package final class ServerMetrics: Sendable {
  /// Codes that are told apart; more cannot come from here.
  private static let codeCountMax = 64
  /// Seconds, the upper ends of the buckets.
  private static let seconds = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  /// The state of the counters at one time.
  package struct Numbers: Sendable {
    package var acceptedRowCount: UInt64 = 0
    package var duplicateRowCount: UInt64 = 0
    package var rejectedRowCount: UInt64 = 0
    /// Seconds from a batch to its acknowledgement, by what was honoured.
    package var acks: [String: Histogram] = [:]
    /// Seconds from a query to its first rows, by where the answer came from.
    package var queries: [String: Histogram] = [:]
    /// Queries by how they ended: `ok`, `error`, `cancelled`.
    package var queryCounts: [String: UInt64] = [:]
    /// Errors that clients were told, by code.
    package var errorCounts: [String: UInt64] = [:]
  }

  private let state = Mutex(Numbers())

  package init() {}

  package var numbers: Numbers { state.withLock { $0 } }

  /// Counts a batch that was taken, or refused.
  package func countInsert(_ outcome: InsertOutcome, since start: ContinuousClock.Instant) {
    let seconds = ServerMetrics.seconds(since: start)
    state.withLock { numbers in
      numbers.rejectedRowCount += UInt64(outcome.rejections.count)
      guard outcome.failure == nil else { return }
      numbers.acceptedRowCount += UInt64(clamping: outcome.acceptedCount)
      numbers.duplicateRowCount += UInt64(clamping: outcome.duplicateCount)
      numbers.acks[
        outcome.acknowledgement, default: Histogram(bounds: ServerMetrics.seconds)
      ].count(seconds)
    }
    if let code = outcome.failure?.code { countError(code) }
  }

  /// Counts a query that was answered, or failed.
  ///
  /// - Parameter source: where the answer came from; nil: there is none.
  package func countQuery(
    _ failure: WireCode?, source: String?, since start: ContinuousClock.Instant
  ) {
    let seconds = ServerMetrics.seconds(since: start)
    let status = failure == nil ? "ok" : failure == .cancelled ? "cancelled" : "error"
    state.withLock { numbers in
      numbers.queryCounts[status, default: 0] += 1
      guard let source else { return }
      numbers.queries[source, default: Histogram(bounds: ServerMetrics.seconds)].count(seconds)
    }
    if let failure { countError(failure) }
  }

  /// Counts an error that a client is told.
  package func countError(_ code: WireCode) {
    state.withLock { numbers in
      let isKnown = numbers.errorCounts[code.rawValue] != nil
      guard isKnown || numbers.errorCounts.count < ServerMetrics.codeCountMax else { return }
      numbers.errorCounts[code.rawValue, default: 0] += 1
    }
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Double {
    let elapsed = start.duration(to: .now).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }
}

/// How many values lie in each of some ranges.
package struct Histogram: Sendable {
  /// Upper ends of the buckets, ascending; the last bucket has none.
  package let bounds: [Double]
  /// One more than there are bounds.
  package private(set) var counts: [UInt64]
  package private(set) var sum = 0.0

  package init(bounds: [Double]) {
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  package mutating func count(_ value: Double) {
    counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
    sum += value
  }
}
