import TallyBase
import TallyLanguage
import Testing

@Suite("Parsing")
struct ParserTests {
  /// What was typed, and the canonical text of what was understood.
  static let readings: [(String, String)] = [
    ("select org from usage", "SELECT org FROM usage"),
    ("FROM usage SELECT org", "SELECT org FROM usage"),
    ("SELECT \"user\", USER, \"User\" FROM usage;", "SELECT user, user, \"User\" FROM usage"),
    ("SELECT sum(cost) AS Total", "SELECT sum(cost) AS Total"),
    ("SELECT sum(cost) Total", "SELECT sum(cost) AS Total"),
    ("sum(cost) by model", "sum(cost) BY model"),
    ("sum(cost) group by model", "sum(cost) BY model"),
    ("sum(cost) spend by model m", "sum(cost) AS spend BY model AS m"),
    ("by model", "BY model"),
    ("from usage limit 5", "FROM usage * LIMIT 5"),
    ("where org = 'a'", "* WHERE org = 'a'"),
    ("last 7d sum(cost) by model", "sum(cost) LAST 7 DAYS BY model"),
    ("sum(cost) top 10 by model last week", "sum(cost) LAST WEEK TOP 10 BY model"),
    ("sum(cost) by model top 3", "sum(cost) BY model TOP 3"),
    ("count(*) last 1 hour", "count(*) LAST 1 HOUR"),
    ("count(*) last 15m", "count(*) LAST 15 MINUTES"),
    ("count(*) last 2mo", "count(*) LAST 2 MONTHS"),
    (
      "count(*) until '2026-02-01' since '2026-01-01'",
      "count(*) SINCE '2026-01-01' UNTIL '2026-02-01'"
    ),
    (
      "count(*) since date '2026-01-01' where success",
      "count(*) SINCE '2026-01-01' WHERE success"
    ),
    ("count(*) this quarter", "count(*) THIS QUARTER"),
    ("count(*) by day yesterday", "count(*) YESTERDAY BY day"),
    (
      "last, top, time, day, plan, batch, stream, source by user",
      "\"last\", \"top\", time, day, plan, batch, stream, source BY user"
    ),
    ("SELECT last FROM usage WHERE top = 3", "SELECT \"last\" FROM usage WHERE \"top\" = 3"),
    ("last(model), first(model)", "last(model), first(model)"),
    (
      "SELECT count(DISTINCT user) FILTER (WHERE NOT cached)",
      "SELECT count(DISTINCT user) FILTER (WHERE NOT cached)"
    ),
    ("SELECT count()", "SELECT count(*)"),
    ("SELECT a != 1 AND b == 2", "SELECT a <> 1 AND b = 2"),
    ("SELECT x::decimal(10, 2)", "SELECT CAST(x AS decimal(10,2))"),
    ("SELECT -x::int", "SELECT -CAST(x AS int64)"),
    ("SELECT EXTRACT(YEAR FROM time)", "SELECT date_part('year', time)"),
    ("SELECT SUBSTRING(model FROM 1 FOR 3)", "SELECT substring(model, 1, 3)"),
    ("SELECT 2 ^ 3 ** 2", "SELECT pow(pow(2, 3), 2)"),
    (
      "SELECT a IS TRUE, a IS NOT TRUE, a IS FALSE, a IS NOT FALSE",
      "SELECT coalesce(a, FALSE), NOT coalesce(a, FALSE), NOT coalesce(a, TRUE), "
        + "coalesce(a, TRUE)"
    ),
    ("SELECT .5, 5., 1.e5, 1E-5", "SELECT 0.5, 5.0, 1.0e5, 1e-5"),
    (
      "SELECT INTERVAL 3 days, INTERVAL '3 days', INTERVAL '3' DAY, INTERVAL '3d', 3d",
      "SELECT " + Array(repeating: "INTERVAL '3 days'", count: 5).joined(separator: ", ")
    ),
    ("SELECT interval, date, timestamp FROM usage", "SELECT interval, date, timestamp FROM usage"),
    ("SELECT usage.model", "SELECT model"),
    ("SELECT a -- comment\n, b /* and /* nested */ */ FROM usage", "SELECT a, b FROM usage"),
    ("SELECT a, FROM usage", "SELECT a FROM usage"),
    ("SELECT 'it''s', \"a\"\"b\"", "SELECT 'it''s', \"a\"\"b\""),
    ("SELECT metadata->>'a'->>'b' = 'c'", "SELECT metadata->>'a'->>'b' = 'c'"),
    (
      "SELECT sum(cost) FROM usage ORDER BY 1 desc nulls first, 2",
      "SELECT sum(cost) FROM usage ORDER BY 1 DESC NULLS FIRST, 2"
    ),
    ("SELECT\u{A0}org\u{3000}FROM usage", "SELECT org FROM usage"),
    ("SELECT größe FROM usage", "SELECT \"größe\" FROM usage"),
    ("describe", "SHOW COLUMNS"),
    ("show columns from usage", "SHOW COLUMNS"),
    ("show values model like 'g%' limit 3", "SHOW VALUES model LIKE 'g%' LIMIT 3"),
    ("explain analyze by model", "EXPLAIN ANALYZE BY model"),
    ("set threads to 2", "SET threads = 2"),
    ("set mode = fast", "SET mode = 'fast'"),
    ("count(*) at time zone 'Europe/Oslo' by day", "count(*) BY day AT TIME ZONE 'Europe/Oslo'"),
  ]

  @Test("is understood as", arguments: readings)
  func reading(typed: String, canonical: String) throws {
    #expect(SyntaxPrinter.text(try Parser.parse(typed)) == canonical)
  }

  @Test("the ten questions of the workload parse")
  func workload() throws {
    for text in [
      "SELECT date_trunc('minute', time) AS m, COUNT(*) AS n, SUM(cost) AS c FROM usage WHERE "
        + "time >= TIMESTAMP '2026-02-10 00:00:00' AND time < TIMESTAMP '2026-02-11 00:00:00' "
        + "GROUP BY m ORDER BY m",
      "SELECT feature, COUNT(DISTINCT \"user\") AS c FROM usage GROUP BY feature ORDER BY feature",
      "SELECT date_trunc('day', time) AS d, org, model, feature, SUM(cost) AS c FROM usage "
        + "GROUP BY d, org, model, feature ORDER BY c DESC, d, org, model, feature LIMIT 10",
    ] {
      guard case .query(let query) = try Parser.parse(text) else {
        Issue.record("no query: \(text)")
        continue
      }
      #expect(!query.isShortForm && query.from?.name == "usage" && !query.orderBy.isEmpty)
    }
  }

  @Test("spans cover the text they come from")
  func spans() throws {
    let text = "SELECT a + (b * 2) AS c FROM usage"
    guard case .query(let query) = try Parser.parse(text),
      case .expression(let expression, let alias) = query.select[0]
    else {
      Issue.record("unexpected tree")
      return
    }
    #expect(expression.span == SourceSpan(7, 18))
    #expect(alias?.span == SourceSpan(22, 23))
    #expect(query.span == SourceSpan(0, text.utf8.count))
  }
}
