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
    path = FileManager.default.temporaryDirectory
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
    return Event(
      time: Timestamp(microsecondsSinceEpoch: 1_767_225_600_000_000 + Int64(number) * 864_000),
      org: "org-\(scattered % 97 * (scattered % 89) / 89)", user: "user-\(scattered % 9_973)",
      model: "model-\(scattered % 23)", feature: "feature-\(scattered % 5)",
      success: scattered % 50 != 0, inputTokens: Int64(scattered % 4_001),
      outputTokens: Int64(scattered % 997), latencyMilliseconds: Double(scattered % 9_001),
      costNanodollars: Int64(scattered % 4_001) * 2_500)
  }
}

/// An answer that is not what it must be; a benchmark that is fast and wrong measures nothing.
struct WrongAnswer: Error {
  var query: String
  var got: String
}
