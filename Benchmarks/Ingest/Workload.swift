import Foundation
import Tally

/// Events of a few recent days, from a seed.
struct Workload {
  private var state: UInt64
  private let orgs = (0..<200).map { "org-\($0)" }
  private let users = (0..<20_000).map { "user-\($0)@example.com" }
  private let models = (0..<40).map { "model-\($0)" }
  private let providers = (0..<5).map { "provider-\($0)" }
  private let features = ["chat", "rag", "agent", "tools", "embeddings", "playground"]
  /// Whether events have an id.
  var hasIDs = false
  /// Days that the events are spread over.
  var dayCount: Int64 = 3

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  private mutating func next(_ end: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(truncatingIfNeeded: state % UInt64(end))
  }

  /// Skewed towards 0.
  private mutating func skewed(_ end: Int) -> Int { next(next(end) + 1) }

  mutating func events(_ count: Int) -> [Event] {
    let start: Int64 = 1_780_000_000_000_000
    // Divided first: the product of ten million events and a month does not fit.
    let step = dayCount * 86_400_000_000 / Int64(max(1, count))
    return (0..<count).map { index in
      let second = Int64(index) * step
      let model = skewed(40)
      var event = Event(
        time: Timestamp(microsecondsSinceEpoch: start + second + Int64(next(5_000_000))),
        org: orgs[skewed(200)], user: users[skewed(20_000)], provider: providers[model % 5],
        model: models[model], feature: features[next(6)], success: next(50) > 0)
      event.inputTokens = Int64(skewed(20_000))
      event.outputTokens = Int64(skewed(4_000))
      event.cacheReadTokens = next(3) == 0 ? event.inputTokens.map { $0 / 2 } : 0
      event.latencyMilliseconds = Double(next(9_000))
      event.timeToFirstTokenMilliseconds = Double(next(900))
      event.costNanodollars = Int64(next(50_000)) * 1_000
      if hasIDs {
        event.eventID = String(
          format: "%016lx-%016lx", UInt64(next(.max)), UInt64(bitPattern: Int64(index)))
      }
      return event
    }
  }
}
