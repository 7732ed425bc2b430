import TallyBase
import TallyPlanning
import Testing

@Suite struct BinderTests {
  private let fixture = PlanningFixture(rowCount: 60)

  struct Refusal: Sendable, CustomTestStringConvertible {
    var query: String
    var code: TallyError.Code
    /// The text the error points at.
    var place: String
    var fragment: String
    var testDescription: String { query }

    init(_ query: String, _ code: TallyError.Code, at place: String, _ fragment: String) {
      self.query = query
      self.code = code
      self.place = place
      self.fragment = fragment
    }
  }

  /// Each error has its code, points at the culprit, and says or hints what helps.
  @Test(arguments: [
    Refusal("select modle from usage", .binding, at: "modle", "model"),
    Refusal("select summ(cost) from usage", .binding, at: "summ", "sum"),
    Refusal("select org from usage where sum(cost) > 1", .binding, at: "sum(cost)", "HAVING"),
    Refusal("select sum(avg(cost)) from usage", .binding, at: "avg(cost)", "inside aggregate"),
    Refusal("select org, sum(cost) from usage", .binding, at: "org", "GROUP BY"),
    Refusal("select org from usage group by model", .binding, at: "org", "GROUP BY"),
    Refusal("select sum(org) from usage", .binding, at: "org", "number"),
    Refusal("select * from usage where org = 1", .binding, at: "1", "quotes"),
    Refusal("select org + 1 from usage", .binding, at: "org", "numbers"),
    Refusal("select * from usage where input_tokens", .binding, at: "input_tokens", "condition"),
    Refusal("select * from usage where time > 'soon'", .binding, at: "'soon'", "2026-01-31"),
    Refusal("select org from usage order by 3", .binding, at: "3", "1"),
    Refusal("select org from usage group by 2", .binding, at: "2", "1"),
    Refusal("select * from events", .binding, at: "events", "usage"),
    Refusal("select round(cost, org) from usage", .binding, at: "org", "literal"),
    Refusal("select date_trunc('dya', time) from usage", .binding, at: "'dya'", "day"),
    Refusal("select stddev(cost) from usage", .unsupported, at: "stddev", "avg"),
    Refusal("select quantile_cont(cost, 95) from usage", .invalidArgument, at: "95", "0.95"),
    Refusal(
      "select time - ingested_at from usage", .unsupported, at: "time - ingested_at",
      "date_diff"),
    Refusal(
      "select count(*) from usage at time zone 'Europe/Oslo'", .unsupported,
      at: "'Europe/Oslo'", "UTC"),
    Refusal("select length(DISTINCT org) from usage", .binding, at: "length", "DISTINCT"),
    Refusal("select distinct org from usage order by cost", .binding, at: "cost", "selected"),
  ])
  func refusals(_ refusal: Refusal) throws {
    let error = try #require(throws: TallyError.self) { try fixture.bind(refusal.query) }
    #expect(error.code == refusal.code)
    #expect((error.message + " " + (error.hint ?? "")).contains(refusal.fragment))
    let span = try #require(error.span)
    let bytes = Array(refusal.query.utf8)[span.lowerBound..<span.upperBound]
    #expect(String(decoding: bytes, as: UTF8.self) == refusal.place)
  }

  /// Types as the oracle has them.
  @Test(arguments: [
    ("input_tokens + 1", "int64"), ("input_tokens / 2", "double"), ("input_tokens // 2", "int64"),
    ("latency_ms + latency_ms", "decimal(19,3)"), ("latency_ms + cost", "decimal(25,9)"),
    ("cost + 1.5", "decimal(19,9)"), ("cost - 1", "decimal(20,9)"),
    ("latency_ms + input_tokens", "decimal(23,3)"), ("cost * 1000000", "decimal(18,9)"),
    ("latency_ms * cost", "decimal(18,12)"), ("cost * cost", "decimal(36,18)"),
    ("cost * cost * cost", "decimal(38,27)"), ("input_tokens * 1.5", "decimal(21,1)"),
    ("input_tokens % 2.5", "decimal(20,1)"), ("sum(input_tokens)", "int128"),
    ("sum(cost)", "decimal(38,9)"), ("sum(cost) * 2", "decimal(38,9)"),
    ("sum(input_tokens) + 1.5", "decimal(38,1)"), ("avg(cost)", "double"),
    ("sum(cost) / count(*)", "double"), ("count(*) * 1.5", "decimal(21,1)"),
    ("median(latency_ms)", "decimal(18,3)"), ("median(input_tokens)", "double"),
    ("median(time)", "timestamp"), ("round(sum(cost), 2)", "decimal(38,2)"),
    ("round(latency_ms, -1)", "decimal(18,0)"), ("floor(sum(input_tokens))", "double"),
    ("sum(success)", "int128"), ("coalesce(max(latency_ms), 0)", "decimal(18,3)"),
    ("coalesce(max(cost), 0)", "decimal(19,9)"), ("min(org)", "symbol"),
    ("coalesce(min(org), 'none')", "text"), ("max(date)", "date"),
    ("sum(cost_micros)", "decimal(38,3)"), ("max(total_tokens)", "int64"),
  ])
  func types(_ expression: String, _ expected: String) throws {
    let type = try fixture.bind("select \(expression) from usage group by all").columnTypes[0]
    #expect(type.description == expected)
  }

  @Test(arguments: [
    "select org, -cost as cost from usage order by cost",
    "select org as o, sum(cost) as c from usage group by o having c > 0 order by c desc, o",
    "select org, sum(cost) from usage group by 1 order by 2 desc, 1",
    "select upper(org) as u, count(*) from usage group by all order by length(u), u",
    "select sum(cost) as cost from usage having cost > 0",
    "sum(cost), p95(latency_ms) by model last 3 days where org = 'acme' top 3",
    "by day", "select day, weekday, count(*) from usage group by day, weekday order by 1, 2",
  ])
  func acceptedQueriesRun(_ query: String) throws {
    _ = try fixture.answer(query, disabledRules: [])
  }

  @Test func shortFormShowsKeysFirst() throws {
    let query = try fixture.bind("sum(cost) as c, count(*) by org, date_trunc('day', time) as d")
    #expect(query.columnNames == ["org", "d", "c", "count(*)"])
    #expect(try fixture.bind("by model").columnNames == ["model", "count"])
    let repeated = try fixture.bind("org, sum(cost) by org")
    #expect(repeated.columnNames == ["org", "sum(cost)"])
  }

  @Test func topOrdersByTheFirstAggregate() throws {
    let rows = try fixture.answer("count(*) by model top 2")
    let all = try fixture.answer(
      "select model, count(*) as n from usage group by 1 order by 2 desc, 1")
    #expect(rows == Array(all.prefix(2)))
  }

  @Test func unknownSymbolValueIsAWarning() throws {
    let query = try fixture.bind("select count(*) from usage where model = 'gpt-4o-mni'")
    let warning = try #require(query.warnings.first)
    #expect(warning.message.contains("gpt-4o-mni"))
    #expect(warning.hint?.contains("gpt-4o-mini") == true)
    #expect(
      try fixture.answer("select count(*) from usage where model = 'gpt-4o-mni'") == [[.int(0)]])
    #expect(try fixture.bind("select 1 from usage where model = 'gpt-5'").warnings.isEmpty)
  }

  /// A literal with more digits than the column can hold still compares exactly, without a cast.
  @Test(arguments: [
    ("latency_ms > 0.0005", "latency_ms > 0.000"), ("latency_ms >= 0.0005", "latency_ms > 0.000"),
    ("latency_ms < -0.0005", "latency_ms <= -0.001"), ("input_tokens <= 2.5", "input_tokens <= 2"),
    ("3 < input_tokens", "input_tokens > 3"), ("cost = 1", "cost = 1.000000000"),
  ])
  func comparisonsKeepTheColumnsType(_ condition: String, _ expected: String) throws {
    let plan = try fixture.explain("select org from usage where \(condition)")
    #expect(plan.contains("Filter \(expected)\n"))
  }

  @Test func showListsCatalog() throws {
    let columns = try fixture.bind("show columns")
    guard case .values(let values) = columns.plan else {
      Issue.record("SHOW COLUMNS is no list of values")
      return
    }
    #expect(values.rows.count == Schema.standard.columns.count)
    let models = try fixture.answer("show values model like 'gpt%'")
    #expect(models == [[.text("gpt-4o-mini")], [.text("gpt-5")]])
    #expect(try fixture.answer("show partitions").count == 4)
  }

  @Test func aliasesThatDoubleAreBounded() {
    let items = (1...40).map { "a\($0) + a\($0) as a\($0 + 1)" }.joined(separator: ", ")
    let error = #expect(throws: TallyError.self) {
      try fixture.bind("select input_tokens as a1, \(items) from usage")
    }
    #expect(error?.code == .resourceExhausted)
  }
}
