import Foundation
import Tally
import TallyTestSupport
import Testing

/// A database of a few thousand events in several segments, and questions about them.
struct CacheFixture {
  static let start: Int64 = 1_767_225_600_000_000

  func withDatabase(
    _ options: Database.Options = Database.Options(), eventCount: Int = 4_000,
    _ body: (Database) throws -> Void
  ) throws {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-cache-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    var options = options
    options.isCompacting = false
    let database = try Database.open(directory.path, options: options)
    for half in [0..<(eventCount / 2), (eventCount / 2)..<eventCount] {
      let load = try database.beginBulkLoad()
      try load.add(half.map { event($0) })
      #expect(try load.commit() == half.count)
    }
    try body(database)
    try database.close()
  }

  func event(_ number: Int) -> Event {
    var event = Event(
      time: Timestamp(microsecondsSinceEpoch: CacheFixture.start + Int64(number) * 60_000_000))
    event.org = "org-\(number % 7)"
    event.user = "user-\(number &* 7_919 % 1_009)"
    event.model = "model-\(number % 5)"
    event.inputTokens = Int64(number % 401)
    event.costNanodollars = Int64(number % 401) * 2_500
    event.latencyMilliseconds = Double(number % 97) + 0.5
    return event
  }

  func question(_ random: inout SplitMix64) -> String {
    let sums = [
      "count(*)", "sum(cost)", "sum(input_tokens)", "max(latency_ms)", "count(distinct \"user\")",
    ]
    let keys = ["org", "model", "\"user\"", "date_trunc('day', time)"]
    var text = "select \(keys[Int(random.next() % 4)]) as k, \(sums[Int(random.next() % 5)])"
    text += ", \(sums[Int(random.next() % 5)]) from usage"
    if random.next() % 2 == 0 { text += " where org = 'org-\(random.next() % 8)'" }
    return text + " group by k order by 2 desc, k limit \(1 + random.next() % 50)"
  }
}
