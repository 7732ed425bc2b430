import TallyBase
import TallyLanguage
import Testing

@Suite("Errors of the parser")
struct ErrorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var code: TallyError.Code
    /// What the caret points at.
    var place: String
    /// A part of the message, or of the hint.
    var says: String
    var testDescription: String { text }

    init(_ text: String, _ code: TallyError.Code = .syntax, at place: String, _ says: String) {
      self.text = text
      self.code = code
      self.place = place
      self.says = says
    }
  }

  static let syntax: [Case] = [
    Case("SLECT org FROM usage", at: "SLECT", "did you mean SELECT?"),
    Case("selct * from usage", at: "selct", "did you mean SELECT?"),
    Case("SELECT org FORM usage", at: "FORM", "did you mean FROM?"),
    Case("SELECT org FROM usage WERE org = 'a'", at: "WERE", "did you mean WHERE?"),
    Case("SELECT org FROM usage GRUOP BY org", at: "GRUOP", "did you mean GROUP BY?"),
    Case("sum(cost) gruop by org", at: "gruop", "did you mean GROUP BY?"),
    Case("SELECT org FROM usage ORDER org", at: "org", "expected BY"),
    Case("SELECT org FROM usage LIMT 5", at: "LIMT", "did you mean LIMIT?"),
    Case("SHOW COLUMN", at: "COLUMN", "did you mean COLUMNS?"),
    Case("SELECT", at: "", "what to select"),
    Case("", at: "", "expected a query"),
    Case("SELECT (1 + 2", at: "", "close the parenthesis"),
    Case("SELECT sum(cost", at: "", "expected \")\""),
    Case("SELECT 'abc", at: "'", "closing '"),
    Case("SELECT \"abc", at: "\"", "closing \""),
    Case("SELECT \"\"", at: "\"\"", "empty quoted name"),
    Case("SELECT /* abc", at: "/*", "expected \"*/\""),
    Case("SELECT 1.5.3", at: "1.5.3", "number"),
    Case("SELECT 1_000", at: "1_000", "without separators"),
    Case("sum(cost) last 7x", at: "7x", "units are"),
    Case("SELECT a < b < c", at: "< b <", "a < b AND b < c"),
    Case("SELECT a FROM usage WHERE a = 1 WHERE b = 2", at: "WHERE", "second WHERE"),
    Case("SELECT a LIMIT x", at: "x", "row count"),
    Case("SELECT a LIMIT -1", at: "-", "row count"),
    Case("SELECT CASE WHEN a THEN b", at: "", "END"),
    Case("SELECT CAST(a AS itneger)", at: "itneger", "did you mean integer"),
    Case("SELECT a; SELECT b", at: "SELECT", "one statement"),
    Case("SELECT ‘a’", at: "‘", "straight"),
    Case("SELECT `a`", at: "`", "written in \""),
    Case("SELECT a NOT b", at: "b", "after NOT"),
    Case("SELECT a BETWEEN 1 OR 2", at: "OR", "AND and the upper bound"),
    Case("count(*) last 7d since '2026-01-01'", at: "since '2026-01-01'", "second time range"),
    Case("count(*) top 3 limit 5", at: "top 3", "TOP beside"),
    Case("SELECT cost-center.x", at: "center.x", "\"center.x\""),
    Case("SELECT order FROM usage", at: "order", "written \"order\""),
    Case("SELECT $0", at: "$0", "from $1"),
    Case("SELECT INTERVAL 'soon'", at: "'soon'", "INTERVAL '3 days'"),
  ]

  static let unsupported: [Case] = [
    Case("count(*) sample by 1h", .unsupported, at: "sample", "SAMPLE BY"),
    Case("sum(cost) by model with totals", .unsupported, at: "with", "WITH TOTALS"),
    Case("SELECT a GROUP BY ROLLUP (a)", .unsupported, at: "ROLLUP", "ROLLUP"),
    Case("SELECT a GROUP BY GROUPING SETS ((a))", .unsupported, at: "GROUPING", "GROUPING SETS"),
    Case("sum(cost) this month compare to previous period", .unsupported, at: "compare", "COMPARE"),
    Case("share(cost) by model", .unsupported, at: "share", "share()"),
    Case("SELECT sum(a) OVER (ORDER BY b)", .unsupported, at: "OVER", "window function"),
    Case("SELECT (SELECT 1)", .unsupported, at: "SELECT", "subquery"),
    Case("SELECT a IN (SELECT 1)", .unsupported, at: "SELECT", "subquery"),
    Case("SELECT a FROM usage JOIN b", .unsupported, at: "JOIN", "JOIN"),
    Case("SELECT a FROM usage LEFT JOIN b", .unsupported, at: "LEFT", "JOIN"),
    Case("SELECT a UNION ALL SELECT b", .unsupported, at: "UNION", "UNION"),
    Case("WITH x AS (SELECT 1) SELECT 2", .unsupported, at: "WITH", "common table"),
    Case("INSERT INTO usage VALUES (1)", .unsupported, at: "INSERT", "tally import"),
    Case("DROP TABLE usage", .unsupported, at: "DROP", "only reads"),
    Case("sum(cost) by model top 3 per org", .unsupported, at: "per", "PER"),
    Case("SELECT a::float", .unsupported, at: "float", "use double"),
  ]

  @Test("point at the place and say what to do", arguments: syntax + unsupported)
  func error(example: Case) {
    do throws(TallyError) {
      let statement = try Parser.parse(example.text)
      Issue.record("understood as \(SyntaxPrinter.text(statement))")
    } catch {
      #expect(error.code == example.code)
      let span = error.span ?? SourceSpan(0, 0)
      let place = Array(example.text.utf8)[span.lowerBound..<span.upperBound]
      #expect(String(decoding: place, as: UTF8.self) == example.place)
      let text = error.message + " " + (error.hint ?? "")
      #expect(text.contains(example.says), "\(text)")
    }
  }
}
