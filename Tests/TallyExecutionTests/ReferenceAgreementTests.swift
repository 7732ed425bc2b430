import TallyBase
import TallyExecution
import TallyTestSupport
import Testing

/// The vectorized engine against the row-at-a-time specification, however it is run.
@Suite struct ReferenceAgreementTests {
  static let queries = [
    "count(*), sum(cost), min(time), max(user), avg(latency_ms)",
    "select org, model, count(*), sum(cost) from usage group by org, model",
    "select \"user\", count(distinct model), count(distinct cost) from usage group by \"user\"",
    "select event_id, count(*) from usage group by event_id",
    "select feature, sum(requests) from usage group by feature",
    "select model, feature, sum(requests), sum(output_tokens) from usage group by model, feature",
    "select model, sum(input_tokens), sum(output_tokens), sum(requests) from usage group by model",
    "select \"user\", sum(input_tokens), sum(output_tokens), sum(requests), sum(cost), count(*), "
      + "sum(cache_read_tokens), sum(reasoning_tokens), sum(requests + 1), avg(cost) from usage "
      + "group by \"user\"",
    "select time, sum(requests), sum(cost), max(cost) from usage group by time",
    "select latency_ms, cost, count(*) from usage group by latency_ms, cost",
    "select sum(cost) as c, org from usage group by org having sum(cost) > 0 order by c, org "
      + "limit 3",
    "select date_trunc('minute', time) as m, org, count(*), sum(input_tokens) from usage group "
      + "by all",
    "select date_trunc('hour', time) as h, success, max(cost) from usage group by h, success",
    "select day, count(*), median(cost), p95(latency_ms) from usage group by day order by day",
    "select month, weekday, sum(requests) from usage group by month, weekday",
    "select model, quantile_disc(latency_ms, 0.3), quantile_cont(input_tokens, 0.9) from usage "
      + "group by model",
    "select quantile_cont(cost + latency_ms, 0.4), quantile_disc(cost * 2, 0.6) from usage",
    "select org, sum(cost) filter (where success), count(*) filter (where cost is null) from "
      + "usage group by org",
    "select sum(10 // input_tokens) filter (where input_tokens > 0) from usage",
    "select case when input_tokens > 10 then org else model end as k, count(*) from usage group "
      + "by k",
    "select coalesce(org, model, 'none') as k, min(feature), max(feature) from usage group by k",
    "select upper(org) || '-' || coalesce(model, '') as k, count(*) from usage group by k",
    "select org, time, cost from usage where cost > 0.001 order by cost desc, time, org limit 7",
    "select org, time from usage order by org nulls first, time desc limit 9 offset 4",
    "select time, input_tokens * output_tokens + 1 as x from usage where success and "
      + "input_tokens > 20 order by time, x",
    "select count(*) from usage where org like 'a%' or model in ('gpt-5', 'zeta')",
    "select count(*) from usage where not (org = 'acme') and latency_ms between 10 and 300",
    "select count(*) from usage where error_type is null and cached is not null",
    "select count(*) from usage where time >= timestamp '2026-01-31' and time < timestamp "
      + "'2026-02-01 12:00:00'",
    "select count(*) from usage where time between timestamp '2026-02-02' and timestamp "
      + "'2026-01-01'",
    "select org, count(*) from usage where cost < 0 group by org",
    "select distinct provider, batch from usage",
    "select avg(tokens_per_second), sum(total_tokens), sum(uncached_input_tokens) from usage",
    "select metadata->>'k' as k, count(*) from usage group by k",
  ]

  static let options: [ExecutionOptions] = {
    var all: [ExecutionOptions] = []
    for (threads, batch) in [(1, Vector.rowCountMax), (2, 2_048), (2, 7), (1, 1)] {
      var options = ExecutionOptions(threadCount: threads)
      options.batchRowCount = batch
      all.append(options)
    }
    let rules = [
      ["partition_pruning", "zone_map_pruning"], ["partitionwise_aggregation"],
      ["encoded_predicates"], ["page_sums"],
      ["dictionary_predicates", "predicate_pushdown"], ["top_n"],
    ]
    for disabled in rules {
      var options = ExecutionOptions(threadCount: 2)
      options.disabledRules = Set(disabled)
      all.append(options)
    }
    return all
  }()

  @Test(arguments: [1, 2] as [UInt64])
  func answersAreTheSpecifications(seed: UInt64) throws {
    var random = RandomRows(seed: seed)
    let fixture = try ExecutionFixture(rows: random.rows(700), importCount: 3)
    for query in ReferenceAgreementTests.queries {
      let expected = Self.canonical(try fixture.expected(query), query)
      for options in ReferenceAgreementTests.options {
        let found = Self.canonical(try fixture.answer(query, options: options), query)
        #expect(
          found == expected,
          "\(query): \(options.threadCount), \(options.batchRowCount), \(options.disabledRules)")
      }
    }
  }

  /// Many days, so that aggregation runs day by day.
  @Test func daysAreAggregatedOneByOne() throws {
    var random = RandomRows(seed: 9)
    var rows = random.rows(900)
    for index in rows.indices {
      let day = Int64(index % 24) * Day.microsecondsPerDay
      rows[index][Schema.timeColumnID] = .timestamp(
        RandomRows.startMicroseconds + day + Int64(random.random.next(below: 86_400_000_000)))
    }
    let fixture = try ExecutionFixture(rows: rows)
    for query in [
      "select date_trunc('day', time) as d, org, sum(cost) as c, count(*) from usage group by "
        + "d, org order by c desc, d, org limit 12",
      "select date_trunc('minute', time) as m, count(*) from usage group by m having count(*) > 0",
      "select date_trunc('hour', time) as h, model, p95(latency_ms), count(distinct \"user\") "
        + "from usage group by h, model",
      "select time, count(*) from usage group by time",
    ] {
      for options in ReferenceAgreementTests.options {
        let found = Self.canonical(try fixture.answer(query, options: options), query)
        #expect(found == Self.canonical(try fixture.expected(query), query), "\(query)")
      }
    }
  }

  /// Rows in order where the query orders them, sorted otherwise; doubles to nine digits.
  static func canonical(_ rows: [[Value]], _ query: String) -> [String] {
    let lines = rows.map { row in
      row.map { value -> String in
        guard case .double(let number) = value, number != 0, number.isFinite else {
          return "\(value)"
        }
        return "\((number * 1e9 / number.binade).rounded() ) \(number.exponent)"
      }.joined(separator: "|")
    }
    return query.contains("order by") ? lines : lines.sorted()
  }
}
