/// Seeded random queries over the standard schema, ordered by every result column.
package struct QueryGenerator {
  private var random: SplitMix64

  package init(seed: UInt64) { random = SplitMix64(seed: seed) }

  private mutating func pick(_ choices: [String]) -> String {
    choices[Int(random.next(below: UInt64(choices.count)))]
  }

  private mutating func chance(_ oneIn: UInt64) -> Bool { random.next(below: oneIn) == 0 }

  /// The next query.
  package mutating func query() -> String {
    var text = chance(3) ? rowQuery() : groupQuery()
    if chance(3) { text += " limit \(random.next(below: 9))" }
    if chance(6) { text += " offset \(random.next(below: 4))" }
    return text
  }

  private mutating func rowQuery() -> String {
    let items = [scalar(), scalar(), pick(["org", "day", "input_tokens + 1"])]
    let distinct = chance(3) ? "distinct " : ""
    return
      "select \(distinct)\(items.joined(separator: ", ")) from usage\(filters()) order by 1, 2, 3"
  }

  private mutating func groupQuery() -> String {
    let keys = (0..<(1 + random.next(below: 2))).map { _ in key() }
    let calls = [aggregate(), aggregate()]
    let having = chance(3) ? " having \(pick(["count(*) > 1", "\(keys[0]) is not null"]))" : ""
    let order = (1...(keys.count + 2)).map { "\($0)" + pick(["", " desc", " nulls first"]) }
    return "select \((keys + calls).joined(separator: ", ")) from usage\(filters())"
      + " group by \(keys.joined(separator: ", "))\(having)"
      + " order by \(order.joined(separator: ", "))"
  }

  private mutating func key() -> String {
    pick([
      "org", "model", "day", "hour", "success", "upper(model)", "coalesce(team, 'none')",
      "date_trunc('month', time)", "input_tokens % 3", "length(user)", "weekday",
    ])
  }

  private mutating func aggregate() -> String {
    let body = pick([
      "count(*)", "sum(cost)", "sum(input_tokens)", "avg(latency_ms)", "min(model)", "max(time)",
      "count(distinct user)", "p95(latency_ms)", "quantile_disc(input_tokens, 0.3)",
      "sum(input_tokens * 2 - output_tokens)", "median(cost)",
    ])
    return chance(4) ? "\(body) filter (where \(condition(1)))" : body
  }

  private mutating func scalar() -> String {
    pick([
      "model", "lower(org)", "cost * 2", "latency_ms + 0.5", "metadata->>'k'", "time",
      "CASE WHEN success THEN 'ok' WHEN cached THEN org ELSE model END", "input_tokens // 7",
      "total_tokens", "nullif(org, 'acme')", "date_part('hour', time)", "concat(org, '/', model)",
    ])
  }

  private mutating func filters() -> String {
    var text = ""
    if chance(4) { text += " " + pick(["last 2 days", "since '2026-01-31'", "during '2026-01'"]) }
    if !chance(4) { text += " where \(condition(3))" }
    return text
  }

  private mutating func condition(_ depth: Int) -> String {
    if depth > 0, chance(2) {
      let sign = pick([" and ", " or "])
      let both = "(\(condition(depth - 1)))\(sign)(\(condition(depth - 1)))"
      return chance(4) ? "not (\(both))" : both
    }
    return pick([
      "org = 'acme'", "model in ('gpt-5', 'zeta', '')", "model like 'gpt%'", "upper(org) = 'ACME'",
      "org = 'acme' or org = 'zeta'", "team is null", "success", "not cached", "input_tokens > 20",
      "cost >= 0.5", "latency_ms < 100.0005", "time >= '2026-01-31 12:00'", "day = '2026-01-31'",
      "hour > '2026-01-30 05:30'", "date <= '2026-02-01'", "week < '2026-02-02'",
      "time between '2026-01-30' and '2026-01-31 06:00'", "metadata->>'n' = '1'", "1 = 1",
      "org = NULL", "input_tokens between 5 and 30.5", "output_tokens not in (1, 2, NULL)",
      "time_bucket('6 hours', time) = '2026-01-31 06:00'", "coalesce(cost, 0) = 0",
      "session = ''", "user < model", "length(org) + 1 > 4",
    ])
  }
}
