/// Seeded random aggregations, most of which rollups may answer.
package struct RollupQueryGenerator {
  private var random: SplitMix64

  package init(seed: UInt64) { random = SplitMix64(seed: seed) }

  private mutating func pick(_ choices: [String]) -> String {
    choices[Int(random.next(below: UInt64(choices.count)))]
  }

  private mutating func chance(_ oneIn: UInt64) -> Bool { random.next(below: oneIn) == 0 }

  /// The next query.
  package mutating func query() -> String {
    let keys = (0..<random.next(below: 3)).map { _ in key() }
    let calls = (0..<(1 + random.next(below: 3))).map { _ in call() }
    var text = "select \((keys + calls).joined(separator: ", ")) from usage\(filters())"
    if !keys.isEmpty { text += " group by \(keys.joined(separator: ", "))" }
    if chance(8) { text += " having count(*) > \(random.next(below: 4))" }
    if chance(6) {
      let order = (1...(keys.count + calls.count)).map { "\($0)" + pick(["", " desc"]) }
      text += " order by \(order.joined(separator: ", ")) limit \(random.next(below: 9))"
    }
    return text
  }

  private mutating func key() -> String {
    if !chance(3) {
      return pick(["org", "model", "feature", "success", "day", "day", "hour", "weekday"])
    }
    return pick([
      "provider", "\"user\"", "error_type", "month", "minute", "hour_of_day",
      "date_trunc('week', time)",
      "time_bucket('15 minutes', time)", "time_bucket('90 minutes', time)",
      "time_bucket('2 days', time)", "date_part('minute', time)", "cast(time as date)",
      "date_diff('day', timestamp '2026-01-15 06:00:00', time)", "upper(model)",
      "coalesce(feature, 'none')", "case when success then org else model end",
      "time >= timestamp '2026-01-31 12:00:00'", "team", "cached", "requests", "length(org)",
    ])
  }

  private mutating func call() -> String {
    let common = pick([
      "count(*)", "sum(cost)", "sum(input_tokens)", "avg(latency_ms)", "count(cost)",
    ])
    let rare = pick([
      "sum(requests)",
      "count(model)", "count(output_tokens)", "min(model)", "max(feature)",
      "count(distinct user)", "count(distinct model)", "approx_quantile(latency_ms, 0.9)",
      "approx_quantile(latency_ms, 0.1)", "approx_count_distinct(user)", "min(input_tokens)",
      "max(latency_ms)", "min(time)", "max(day)", "min(success)", "avg(output_tokens)",
      "p95(latency_ms)", "sum(input_tokens + output_tokens)", "count(distinct success)",
      "bool_and(success)", "sum(ttft_ms)", "max(cost)", "count(upper(feature))",
    ])
    let body = chance(3) ? rare : common
    return chance(4) ? "\(body) filter (where \(condition(1)))" : body
  }

  private mutating func filters() -> String {
    var text = ""
    if chance(3) {
      text += pick([
        " since '2026-01-31'", " until '2026-02-01 06:00'", " during '2026-01'",
        " since '2026-01-31 10:15' until '2026-02-01 13:00'",
        " since '2026-01-30 10:07' until '2026-02-01 13:21'",
        " since '2026-01-31 11:22:33'", " since '2026-01-31' until '2026-01-31 06:30'",
      ])
    }
    if chance(3) { text += " where \(condition(2))" }
    return text
  }

  private mutating func condition(_ depth: Int) -> String {
    if depth > 0, chance(3) {
      let sign = pick([" and ", " or "])
      let both = "(\(condition(depth - 1)))\(sign)(\(condition(depth - 1)))"
      return chance(4) ? "not (\(both))" : both
    }
    if chance(2) { return pick(["org = 'acme'", "model = 'gpt-5'", "success", "weekday > 2"]) }
    return pick([
      "model in ('gpt-5', 'zeta', '')", "model like 'gpt%'", "upper(org) = 'ACME'",
      "org = 'acme' or org = 'zeta'", "org is null", "success", "not success", "error_type is null",
      "success is null", "feature <> 'zeta'", "\"user\" = 'a_b'", "weekday > 2", "hour_of_day < 12",
      "time >= timestamp '2026-01-31 12:00:00'", "day = timestamp '2026-01-31 00:00:00'",
      "org = model", "provider = 'nobody'", "cached", "input_tokens > 20", "team = 'zeta'",
      "length(model) > 4", "date_part('minute', time) < 30",
      "time > timestamp '2026-01-31 00:00:01'",
    ])
  }
}
