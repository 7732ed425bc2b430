import Foundation
import Tally

/// Half a million events over five days, the same in every run, and what they add up to.
struct Fixture {
  static let eventCount = 500_000

  let database: Database
  let path: String
  /// Sum of `input_tokens`, kept while the events are made: what every answer is checked against.
  let inputTokenSum: Int
  let failureCount: Int

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-benchmark-\(ProcessInfo.processInfo.processIdentifier)").path
    database = try Database.open(path)
    var inputTokenSum = 0
    var failureCount = 0
    for start in stride(from: 0, to: Fixture.eventCount, by: 50_000) {
      let events = (start..<start + 50_000).map(Fixture.event)
      inputTokenSum += events.reduce(0) { $0 + Int($1.inputTokens ?? 0) }
      failureCount += events.count { $0.success == false }
      try database.append(events)
    }
    try database.flush()
    self.inputTokenSum = inputTokenSum
    self.failureCount = failureCount
  }

  func remove() {
    try? database.close()
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Event `number`: fields are scattered by multiplication modulo primes, so that nothing is
  /// sorted and nothing needs a generator.
  static func event(_ number: Int) -> Event {
    let scattered = number &* 7_919 % 1_000_003
    let microseconds = 1_767_225_600_000_000 + Int64(number) * 864_000
    var event = Event(time: Timestamp(microsecondsSinceEpoch: microseconds))
    event.org = "org-\(scattered % 97)"
    event.user = "user-\(scattered % 9_973)"
    event.model = "model-\(scattered % 23)"
    event.feature = "feature-\(scattered % 5)"
    event.success = scattered % 50 != 0
    event.inputTokens = Int64(scattered % 4_001)
    event.outputTokens = Int64(scattered % 997)
    event.latencyMilliseconds = Double(scattered % 9_001)
    event.costNanodollars = Int64(scattered % 4_001) * 2_500
    return event
  }
}

/// An answer that is not what it must be; a benchmark that is fast and wrong measures nothing.
struct WrongAnswer: Error {
  var query: String
  var got: String
}
