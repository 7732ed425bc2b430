import TallyTestSupport

/// Seeded random statements of one who wants to see what others have.
struct IsolationQueryGenerator {
  private var random: SplitMix64
  private var rollups: RollupQueryGenerator
  private var general: QueryGenerator

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    rollups = RollupQueryGenerator(seed: seed)
    general = QueryGenerator(seed: seed)
  }

  private mutating func pick(_ choices: [String]) -> String {
    choices[Int(random.next(below: UInt64(choices.count)))]
  }

  private mutating func chance(_ oneIn: UInt64) -> Bool { random.next(below: oneIn) == 0 }

  mutating func statement() -> String {
    switch random.next(below: 20) {
    case 0...5: return explained(rollups.query())
    case 6...9: return explained(general.query())
    case 10: return show()
    case 11: return chance(4) ? setting() : explained(short())
    case 12, 13: return explained(rows())
    default: return explained(groups())
    }
  }

  private mutating func explained(_ query: String) -> String {
    chance(8) ? pick(["explain ", "explain analyze "]) + query : query
  }

  private mutating func show() -> String {
    let column = name()
    return pick([
      "show columns", "describe usage", "show partitions", "show rollups", "show rejects",
      "show values \(column)", "show values \(column) like '%z%'",
      "show values \(column) like 'zq%' limit 3", "show values \(column) limit 2",
    ])
  }

  private mutating func setting() -> String {
    pick([
      "set threads = 1", "set threads = 2", "set rollups = false", "set rollups = true",
      "set rollups = true", "set page_cache = 0", "set result_cache = '9MB'",
      "set memory_limit_mib = 100000", "set memory_limit_mib = 512", "set orgs = 'zeta'",
    ])
  }

  private mutating func rows() -> String {
    let columns = pick([
      "*", "org, model, user", "\(name()), time", "tier, zq_secret", "org, zq_score",
      "distinct org, \(name())", "cast(\(name()) as bigint)", "output_tokens + input_tokens",
      "output_tokens * 1000000000000", "cast(input_tokens as varchar), org",
    ])
    let order = columns == "*" ? " order by time, event_id" : ""
    return "select \(columns) from usage\(filter())\(order)"
      + (columns == "*" ? " limit \(random.next(below: 20))" : "")
  }

  private mutating func groups() -> String {
    let key = pick([
      "org", name(), "coalesce(org, 'none')", "case when org = 'acme' then 'own' else org end",
      "day", "hour", "upper(\(name()))", "length(\(name()))", "zq_secret", "tier",
    ])
    let text = "select \(key) as k, \(call()), \(call()) from usage\(filter()) group by k"
    return chance(3) ? text + " having \(having())" : text
  }

  private mutating func short() -> String {
    "\(call()), \(call()) by \(name())" + pick(["", " last 2 days", " during '2026-01'"])
      + (chance(2) ? " where \(condition(1))" : "")
  }

  private mutating func call() -> String {
    let body = pick([
      "count(*)", "count(org)", "count(distinct org)", "min(org)", "max(org)", "min(\(name()))",
      "max(\(name()))", "count(distinct \(name()))", "approx_count_distinct(\(name()))",
      "sum(cost)", "max(cost)", "min(input_tokens)", "max(input_tokens)", "sum(input_tokens)",
      "sum(output_tokens)", "avg(latency_ms)", "median(latency_ms)", "quantile_disc(org, 0.9)",
      "quantile_disc(\(name()), 1)", "approx_quantile(latency_ms, 0.99)", "max(time)", "min(time)",
      "sum(output_tokens * 1000)", "sum(cast(team as bigint))", "sum(zq_score)", "count(tier)",
      "max(tier)", "sum(case when org <> 'acme' then 1 else 0 end)", "max(reasoning_steps)",
    ])
    return chance(4) ? "\(body) filter (where \(condition(1)))" : body
  }

  private mutating func having() -> String {
    pick([
      "count(distinct org) > 1", "max(org) <> 'acme'", "min(org) = 'acme' or count(*) > 0",
      "count(*) > 2", "max(input_tokens) > 1000000",
    ])
  }

  private mutating func filter() -> String {
    let range =
      chance(5) ? pick([" since '2026-01-31'", " last 2 days", " until '2026-02-01'"]) : ""
    return range + (chance(4) ? "" : " where \(condition(2))")
  }

  private mutating func condition(_ depth: Int) -> String {
    if depth > 0, chance(2) {
      let both =
        "(\(condition(depth - 1)))\(pick([" and ", " or "]))(\(condition(depth - 1)))"
      return chance(4) ? "not (\(both))" : both
    }
    return pick([
      "org <> 'acme'", "org = 'zeta'", "org = 'acme' or 1 = 1", "org is null", "org is not null",
      "org in ('acme', 'zeta', 'zq-org')", "org not in ('acme')", "org like '%'", "org like 'z%'",
      "not org = 'acme'", "coalesce(org, 'x') <> 'acme'", "upper(org) = 'ZETA'", "org > 'acme'",
      "length(org) <> 4", "org = \(literal())", "\(name()) = \(literal())", "1 = 1", "true",
      "\(name()) in (\(literal()), \(literal()))", "\(name()) <> \(literal())",
      "\(name()) like '%q%'", "cost > 100", "input_tokens > 1000", "output_tokens + 1 > 5",
      "cast(user as bigint) > 5", "zq_score > 1", "zq_secret = 'zq-plan'", "tier = \(literal())",
      "org = team", "1 / (case when org = 'acme' then 1 else 0 end) = 1", "model = user",
    ])
  }

  private mutating func name() -> String {
    pick([
      "org", "model", "\"user\"", "feature", "provider", "team", "project", "error_type",
      "environment", "tier", "zq_secret", "z_secret", "q_secret", "mdel", "tie",
    ])
  }

  /// Names of one's own, names of others, and names near either.
  private mutating func literal() -> String {
    pick([
      "'gpt-5'", "'a_b'", "'chat'", "'zeta'", "'gold'", "'gpt-6'", "'user-9'", "'use-1'",
      "'acmf'", "'acmg'", "'q-org'", "'z-org'", "'zgpt-5'", "'qgpt-5'", "'z-model'", "'q-model'",
      "'z-user-7'", "'q-user-7'", "'q-feature'", "'zchat'", "'q-team-1'", "'q-project'",
      "'q-error'", "'z-tier'", "'zq-org'", "'zq-model'", "'zq-user-7'", "'zqchat'", "NULL", "''",
    ])
  }
}
