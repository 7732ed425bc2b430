import TallyBase
import TallyExecution
import TallyPlanning
import TallyStorage
import TallyTestSupport
import Testing

/// Which rollup answers, as EXPLAIN tells it, and why others do not.
@Suite struct RollupCoverTests {
  /// One segment a day; `operation` is NULL throughout, `endpoint` and `requests` have one value.
  private static let fixture: ExecutionFixture? = try? {
    var random = RandomRows(seed: 21)
    var rows = random.rows(1_200)
    let fixed: [String: Value] = [
      "operation": .null, "endpoint": .text("chat"), "requests": .int(1),
    ]
    for index in rows.indices {
      for (name, value) in fixed {
        if let id = Schema.standard.column(named: name)?.id { rows[index][id] = value }
      }
    }
    return try RollupStores.fixture(rows: rows, importCount: 1)
  }()

  struct Case: Sendable, CustomTestStringConvertible {
    var query: String
    /// A line of EXPLAIN, or its beginning.
    var line: String

    init(_ query: String, _ line: String) {
      self.query = query
      self.line = line
    }

    var testDescription: String { query }
  }

  static let answered = [
    Case("count(*)", "from stored sums of 4 segments"),
    Case("sum(cost), max(latency_ms), min(time), count(endpoint)", "from stored sums of 4"),
    Case("count(*) by month, weekday", "from stored sums of 4 segments"),
    Case("count(*) by endpoint, operation", "from stored sums of 4 segments"),
    Case("count(*) where endpoint = 'chat' since '2026-01-31'", "from stored sums of 3"),
    Case("sum(cost) by org", "from rollup (org by day) of 4 segments"),
    Case("sum(cost) by org where org = 'acme'", "from rollup (org by day) of 4 segments, 4 rows"),
    Case("sum(cost), sum(input_tokens) by org, model", "from rollup (org, model by day) of 4"),
    Case("sum(cost) by model where org = 'acme'", "from rollup (org, model by day) of 4 segments"),
    Case("count(*) by hour", "from rollup (all by hour) of 4 segments"),
    Case("count(*) by minute", "from rollup (all by minute) of 4 segments"),
    Case("count(*) by time_bucket('90 minutes', time)", "from rollup (all by minute) of 4"),
    Case("count(*) by time_bucket('2 hours', time)", "from rollup (all by hour) of 4"),
    Case("count(*) by time_bucket('3 days', time)", "from stored sums of 4 segments"),
    Case("sum(cost) since '2026-01-30 10:00' until '2026-01-31'", "from rollup (all by hour) of 1"),
    Case("sum(cost) by upper(feature)", "from rollup (feature by "),
    Case("count(distinct user) by feature", "from rollup (feature by day) of 4 segments"),
    Case("count(distinct user)", "from rollup (all by day) of 4 segments, 4 rows"),
    Case("approx_quantile(latency_ms, 0.9) by model", "from rollup (model by day) of 4 segments"),
    Case("max(model) by feature", "from rollup (model, feature by day) of 4 segments"),
    Case("count(*) filter (where success)", "from rollup (error_type, success by "),
    Case(
      "sum(cost) filter (where time >= timestamp '2026-01-31 06:00')", "from rollup (all by hour)"),
  ]

  @Test(arguments: answered)
  func theSmallestThatCoversAnswers(example: Case) throws {
    let fixture = try #require(Self.fixture)
    let lines = try fixture.sources(example.query)
    #expect(lines.contains { $0.hasPrefix(example.line) }, "\(lines)")
    let found = try fixture.execute(example.query, on: fixture.snapshot)
    #expect(found.statistics.source == .rollup)
    #expect(
      try ReferenceAgreementTests.canonical(fixture.answer(example.query), "")
        == ReferenceAgreementTests.canonical(
          fixture.answer(example.query, options: RollupStores.fromRows), ""))
  }

  static let refused = [
    Case("p95(latency_ms) by model", "4 segments: quantile_cont(latency_ms, 0.95) is exact: needs"),
    Case(
      "sum(input_tokens + 1)", "from rows of 4 segments: sum(input_tokens + 1) is not summed up"),
    Case(
      "count(*) by second", "from rows of 4 segments: key reads time that is not cut to minutes"),
    Case(
      "count(*) where latency_ms > 100", "  not (all by day): predicate on latency_ms, which is"),
    Case("count(*) by input_tokens", "  not (all by day): no dimension input_tokens"),
    Case("count(*) filter (where cost > 1)", "  not (all by day): filter on cost, which is not a"),
    Case("count(*) by team, model", "from rows of 4 segments: no rollup answers"),
    Case(
      "sum(cost) by org, hour_of_day, model", "  not (org, model by day): grain day cannot form"),
    Case("count(*) by minute, model", "  not (model by hour): grain hour cannot form minute"),
    Case("sum(quality) by org, model", "  not (org, model by day): no sum of quality"),
    Case("count(distinct team) by org", "  not (org by day): no set of values of team"),
    Case("approx_quantile(cost, 0.5) by org", "  not (org by day): no histogram of cost"),
    Case(
      "sum(cost) since '2026-01-30 10:00:01' until '2026-01-31'",
      "  not (all by minute): the time range cuts through grain minute"),
    Case(
      "sum(cost) by org since '2026-01-30 10:30' until '2026-01-31'",
      "  not (org by hour): the time range cuts through grain hour"),
  ]

  @Test(arguments: refused)
  func aReasonIsGiven(example: Case) throws {
    let fixture = try #require(Self.fixture)
    let lines = try fixture.sources(example.query)
    #expect(lines.contains { $0.contains(example.line) }, "\(lines)")
    let found = try fixture.execute(example.query, on: fixture.snapshot)
    #expect(found.statistics.source == .rows)
  }

  @Test func rowsAndRollupsMeetInOneAnswer() throws {
    let rows = RollupStores.rows(seed: 5, count: 600)
    let fixture = try RollupStores.fixture(
      rows: rows, importCount: 1, buffered: RollupStores.rows(seed: 6, count: 50))
    let first = try #require(fixture.snapshot.segments.first).info
    var dead = DeletedRows(rowCount: first.rowCount)
    for row in stride(from: 0, to: first.rowCount, by: 3) { dead.insert(row) }
    let snapshot = fixture.snapshot.deleting([first.id: dead])
    let query =
      "sum(cost), count(*), count(distinct user), approx_quantile(latency_ms, 0.5) by feature"
    let lines = try fixture.sources(query, on: snapshot)
    #expect(
      lines.contains { $0.hasPrefix("from rollup (feature by day) of 3 segments") }, "\(lines)")
    #expect(lines.contains("from rows of 1 segment with dead rows"))
    #expect(lines.contains { $0.hasPrefix("from rows of ") && $0.hasSuffix(" in memory") })
    let mixed = try fixture.execute(query, on: snapshot)
    #expect(mixed.statistics.source == .rows)
    #expect(mixed.statistics.rollupSegmentCount == 3)
    #expect(
      try ReferenceAgreementTests.canonical(fixture.answer(query, on: snapshot), "")
        == ReferenceAgreementTests.canonical(
          fixture.answer(query, options: RollupStores.fromRows, on: snapshot), ""))
  }

  @Test func scannedRowsAreThoseOfTheRollup() throws {
    let fixture = try #require(Self.fixture)
    let totals = try fixture.execute("count(*)", on: fixture.snapshot)
    #expect(totals.statistics.scannedRowCount == 4)
    let names = try fixture.execute("count(*) by org", on: fixture.snapshot)
    #expect(names.statistics.scannedRowCount < 50)
    let rows = try fixture.execute(
      "count(*) by org", options: RollupStores.fromRows, on: fixture.snapshot)
    #expect(rows.statistics.scannedRowCount == 1_200)
    #expect(rows.statistics.source == .rows)
    #expect(rows.statistics.sources.isEmpty)
  }

  @Test func approximateQuantilesAreWithinOnePercent() throws {
    let fixture = try #require(Self.fixture)
    for fraction in [0.0, 0.01, 0.25, 0.5, 0.9, 0.999, 1.0] {
      let answer = try fixture.answer(
        "select approx_quantile(latency_ms, \(fraction)), quantile_disc(latency_ms, \(fraction)), "
          + "approx_quantile(input_tokens, \(fraction)), quantile_disc(input_tokens, \(fraction)) "
          + "from usage")
      let row = try #require(answer.first)
      guard case .decimal(let near, _) = row[0], case .decimal(let exact, _) = row[1] else {
        Issue.record("\(row)")
        return
      }
      #expect(abs(Double(near - exact)) <= 0.01 * abs(Double(exact)))
      // Whole numbers below 128 have a bucket of their own.
      #expect(row[2] == row[3])
    }
  }
}
