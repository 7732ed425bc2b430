import Foundation
import Tally
import TallyTestSupport
import Testing

/// Data and questions that columnar engines are bad at, in small. `make bench-bad` asks the same in
/// large, beside DuckDB.
@Suite struct BadCaseTests {
  private static let start: Int64 = 1_767_225_600_000_000

  private func withDatabase(
    _ events: [Event], _ options: Database.Options = Database.Options(),
    _ body: (Database) throws -> Void
  ) throws {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-bad-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let database = try Database.open(directory.path, options: options)
    try load(events, into: database)
    try body(database)
    try database.close()
  }

  private func load(_ events: [Event], into database: Database) throws {
    let load = try database.beginBulkLoad()
    try load.add(events)
    #expect(try load.commit() == events.count)
  }

  private func event(_ number: Int, microseconds: Int64? = nil) -> Event {
    var event = Event(
      time: Timestamp(
        microsecondsSinceEpoch: BadCaseTests.start + (microseconds ?? Int64(number) * 1_000_000)))
    event.org = "org-\(number % 7)"
    event.user = "user-\(number &* 7_919 % 1_009)"
    event.model = "model-\(number % 5)"
    event.inputTokens = Int64(number % 401)
    event.costNanodollars = Int64(number % 401) * 2_500
    return event
  }

  private func rows(_ database: Database, _ question: String) throws -> [[Cell]] {
    try database.query(question).map(\.cells)
  }

  /// One more than the span of these values is no number of 64 bits.
  @Test func percentilesOfValuesThatSpanEverything() throws {
    let values: [Int64] = [0, 1, .max]
    let events = (0..<300).map { number in
      var event = event(number)
      event.inputTokens = values[number % 3]
      return event
    }
    try withDatabase(events) { database in
      let found = try rows(
        database,
        "select quantile_disc(input_tokens, 0.1), quantile_disc(input_tokens, 0.5), "
          + "quantile_disc(input_tokens, 0.9) from usage")
      #expect(found == [[.integer(0), .integer(1), .integer(Int128(Int64.max))]])
    }
  }

  /// Pages of two keys in long runs: the rows of a page are more than those of a batch.
  @Test func twoKeysInLongRuns() throws {
    let count = 70_000
    let events = (0..<count).map { number in
      var event = event(number, microseconds: Int64(number) * 1_000_000)
      event.org = "org-\(number / 23_000)"
      event.model = "model-\(number / 9_000 % 3)"
      event.inputTokens = 1
      return event
    }
    try withDatabase(events) { database in
      _ = try database.query("set rollups = false")
      for keys in ["org, model", "org, model, org", "model, org, provider"] {
        let found = try rows(
          database, "select \(keys), count(*), sum(input_tokens) from usage group by \(keys)")
        var expected: [String: Int] = [:]
        for number in 0..<count {
          expected["org-\(number / 23_000) model-\(number / 9_000 % 3)", default: 0] += 1
        }
        #expect(found.count == expected.count)
        for row in found {
          let names = row.prefix(2).map { "\($0)" }.joined()
          let match = expected.filter { entry in
            entry.key.split(separator: " ").allSatisfy { names.contains($0) }
          }
          #expect(match.count == 1)
          let wanted = Cell.integer(Int128(match.first?.value ?? -1))
          #expect(row.suffix(2) == [wanted, wanted])
        }
      }
    }
  }

  @Test func everyRowItsOwnUser() throws {
    let events = (0..<30_000).map { number in
      var event = event(number)
      event.user = "user-\(number &* 2_654_435_761 % 4_294_967_296)"
      return event
    }
    let names = events.compactMap(\.user).sorted {
      Array($0.utf8).lexicographicallyPrecedes($1.utf8)
    }
    try withDatabase(events) { database in
      let counted = try rows(database, "select count(distinct \"user\") from usage")
      #expect(counted[0][0].int == events.count)
      // All counts tie: the texts decide which of 30,000 groups are the first 1,500.
      let answer = try rows(
        database,
        "select \"user\", count(*) as n from usage group by \"user\" order by n desc, \"user\" "
          + "limit 1500")
      #expect(answer.compactMap { $0[0].string } == Array(names.prefix(1_500)))
      let last = try rows(
        database,
        "select \"user\" from usage group by \"user\" order by \"user\" desc limit 10 offset 5000")
      #expect(last.compactMap { $0[0].string } == Array(names.reversed()[5_000..<5_010]))
    }
  }

  @Test func ordersBySeveralKeysInEveryDirection() throws {
    let events = (0..<12_000).map { number in
      var event = event(number)
      event.team = number % 3 == 0 ? nil : "team-\(number % 11)"
      event.success = number % 4 == 0 ? nil : number % 2 == 0
      return event
    }
    try withDatabase(events) { database in
      let keys = "team desc nulls last, success nulls first, input_tokens desc, time"
      let all = try rows(database, "select team, success, time from usage order by \(keys)")
      let few = try rows(
        database, "select team, success, time from usage order by \(keys) limit 4500")
      #expect(all.count == events.count)
      #expect(few == Array(all.prefix(4_500)))
      let expected = events.sorted { a, b in
        if a.team != b.team {
          guard let left = a.team, let right = b.team else { return a.team != nil }
          return left > right
        }
        if a.success != b.success {
          guard let left = a.success, let right = b.success else { return a.success == nil }
          return !left && right
        }
        let (left, right) = (a.inputTokens ?? 0, b.inputTokens ?? 0)
        return left != right ? left > right : a.time < b.time
      }
      #expect(few.map { $0[2].timestamp } == expected.prefix(4_500).map { $0.time })
    }
  }

  @Test func oneOrganisationHasNearlyAll() throws {
    let events = (0..<20_000).map { number in
      var event = event(number)
      event.org = number % 100 == 0 ? "org-\(number % 300)" : "whale"
      return event
    }
    let tokens = events.filter { $0.org == "whale" }.reduce(0) { $0 + Int($1.inputTokens ?? 0) }
    try withDatabase(events) { database in
      let answer = try rows(
        database,
        "select org, count(*), sum(input_tokens) from usage group by org order by org desc limit 1")
      #expect(answer[0][0].string == "whale")
      #expect(answer[0][1].int == 19_800)
      #expect(answer[0][2].int == tokens)
      let rest = try rows(database, "select count(*) from usage where org <> 'whale'")
      #expect(rest[0][0].int == 200)
    }
  }

  @Test func columnsThatAreNullOrEqualEverywhere() throws {
    let events = (0..<5_000).map { number in
      var event = event(number)
      event.inputTokens = nil
      event.user = nil
      event.outputTokens = 5
      return event
    }
    try withDatabase(events) { database in
      let nothing = try rows(
        database,
        "select sum(input_tokens), min(input_tokens), avg(input_tokens), count(input_tokens), "
          + "count(distinct \"user\"), quantile_cont(input_tokens, 0.5) from usage")
      #expect(nothing[0].map(\.isNull) == [true, true, true, false, false, true])
      #expect(nothing[0][3].int == 0)
      #expect(nothing[0][4].int == 0)
      let equal = try rows(
        database,
        "select \"user\", min(output_tokens), max(output_tokens), count(distinct output_tokens), "
          + "sum(output_tokens) from usage group by \"user\"")
      #expect(equal.count == 1)
      #expect(equal[0][0].isNull)
      #expect(equal[0].dropFirst().map(\.int) == [5, 5, 1, 25_000])
    }
  }

  @Test func oneEventADayForYears() throws {
    let day: Int64 = 86_400_000_000
    let events = (0..<400).map { event($0, microseconds: (Int64($0) - 200) * day) }
    let tokens = events.reduce(0) { $0 + Int($1.inputTokens ?? 0) }
    try withDatabase(events) { database in
      let answer = try rows(
        database,
        "select date_trunc('day', time) as d, sum(input_tokens) as i from usage group by d")
      #expect(answer.count == 400)
      #expect(answer.reduce(0) { $0 + ($1[1].int ?? 0) } == tokens)
    }
  }

  @Test func allInOneMillisecond() throws {
    let events = (0..<30_000).map { event($0, microseconds: 789_000) }
    try withDatabase(events) { database in
      let answer = try rows(
        database, "select time, count(*), sum(input_tokens) from usage group by time")
      #expect(answer.count == 1)
      #expect(answer[0][1].int == events.count)
      #expect(answer[0][2].int == events.reduce(0) { $0 + Int($1.inputTokens ?? 0) })
      let none = try rows(
        database,
        "select count(*) from usage where time > timestamp '2026-01-01 00:00:00.789'")
      #expect(none[0][0].int == 0)
    }
  }

  @Test func columnsOfTheUsersOwnThatComeLater() throws {
    let old = (0..<3_000).map { event($0) }
    let new = (3_000..<6_000).map { number in
      var event = event(number)
      for index in 0..<25 {
        event.tags["t\(index)"] = "v\(number % (index + 2))"
        event.measures["m\(index)"] = Int64(number * index)
      }
      return event
    }
    try withDatabase(old) { database in
      try load(new, into: database)
      let totals = try rows(
        database, "select count(*), count(m24), sum(m24), count(t24), min(m3) from usage")
      let sum = (3_000..<6_000).reduce(0) { $0 + $1 * 24 }
      #expect(totals[0].map(\.int) == [6_000, 3_000, sum, 3_000, 9_000])
      let groups = try rows(
        database,
        "select t1, count(*) from usage group by t1 order by t1 nulls last")
      #expect(groups.map { $0[0].string } == ["v0", "v1", "v2", nil])
      #expect(groups.map { $0[1].int } == [1_000, 1_000, 1_000, 3_000])
      let filtered = try rows(database, "select count(*) from usage where t0 = 'v1' and m1 < 4000")
      #expect(filtered[0][0].int == 500)
    }
  }

  @Test func tenKeys() throws {
    let events = (0..<20_000).map { number in
      var event = event(number)
      event.team = "t\(number % 3)"
      event.project = number % 2 == 0 ? nil : "p"
      event.environment = "e\(number % 4)"
      event.success = number % 6 == 0
      event.feature = "f\(number % 9)"
      event.provider = "q\(number % 5)"
      event.errorType = number % 8 == 0 ? "x" : nil
      return event
    }
    var groups: [[String]: Int] = [:]
    for event in events {
      let parts = [
        event.org, event.user, event.model, event.team, event.project, event.environment,
        event.success.map { "\($0)" }, event.feature, event.provider, event.errorType,
      ]
      groups[parts.map { $0 ?? "NULL" }, default: 0] += Int(event.inputTokens ?? 0)
    }
    try withDatabase(events) { database in
      let answer = try rows(
        database,
        "select org, \"user\", model, team, project, environment, success, feature, provider, "
          + "error_type, sum(input_tokens) as i from usage group by all")
      #expect(answer.count == groups.count)
      for row in answer {
        let key = row.prefix(10).map { $0.string ?? $0.bool.map { "\($0)" } ?? "NULL" }
        #expect(groups[key] == row[10].int)
      }
    }
  }

  @Test func aMemoryLimitEndsOneQueryOnly() throws {
    let events = (0..<40_000).map { number in
      var event = event(number)
      event.user = "somebody-with-a-name-of-some-length-\(number)"
      return event
    }
    var options = Database.Options()
    options.queryMemoryByteCountMax = 1 << 20
    try withDatabase(events, options) { database in
      for question in [
        "select \"user\", org, model, count(*) from usage group by \"user\", org, model",
        "select \"user\", time from usage order by \"user\", time",
      ] {
        let error = #expect(throws: DatabaseError.self) { try database.query(question) }
        #expect(error?.code == .resourceExhausted, "\(question)")
        #expect(error?.hint?.contains("memory_limit_mib") == true)
        let after = try rows(database, "select count(*), sum(input_tokens) from usage")
        #expect(after[0][0].int == events.count)
      }
      _ = try database.query("set memory_limit_mib = 256")
      let answer = try rows(
        database, "select \"user\", org, model, count(*) from usage group by \"user\", org, model")
      #expect(answer.count == events.count)
    }
  }

  /// Counters of two million different latencies for each model: the limit holds them once.
  @Test func percentilesOfOneColumnShareItsValues() throws {
    let events = (0..<4_000).map { number in
      var event = event(number)
      event.latencyMilliseconds = Double(number * 500)
      return event
    }
    try withDatabase(events) { database in
      _ = try database.query("set threads = 1")
      _ = try database.query("set memory_limit_mib = 80")
      let answer = try rows(
        database,
        "select model, p50(latency_ms), p95(latency_ms), p99(latency_ms) from usage group by model")
      #expect(answer.count == 5)
    }
  }
}
