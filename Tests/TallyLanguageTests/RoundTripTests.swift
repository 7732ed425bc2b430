import TallyBase
import TallyLanguage
import Testing

@Suite("Printed trees parse to themselves")
struct RoundTripTests {
  @Test("random statements", arguments: 0..<20)
  func randomStatements(batch: Int) throws {
    for seed in 0..<100 {
      var syntax = RandomSyntax(seed: UInt64(batch * 1_000 + seed))
      let statement = syntax.statement()
      let text = SyntaxPrinter.text(statement)
      do throws(TallyError) {
        let parsed = SpanEraser.erase(try Parser.parse(text))
        #expect(
          SyntaxPrinter.text(parsed) == text && (parsed == statement) == true,
          "seed \(batch * 1_000 + seed): \(text)")
      } catch {
        Issue.record("seed \(batch * 1_000 + seed): \(text)\n\(error)")
      }
    }
  }

  @Test(
    "operators keep their grouping",
    arguments: [
      "a + b * c", "(a + b) * c", "a - (b - c)", "a - b - c", "-(-a)", "NOT (NOT a)",
      "NOT a = b", "(NOT a) = b", "a = (b = c)", "(a IS NULL) = b", "a || b + c",
      "(a OR b) AND c", "a OR b AND c", "-a::bigint", "(-a)::bigint", "a->>'x' = 'y'",
      "a BETWEEN 1 + 2 AND 3 AND b", "a LIKE b || '%'", "a IN (1, 2) = TRUE",
    ])
  func grouping(text: String) throws {
    let parsed = try Parser.parseExpression(text)
    let again = try Parser.parseExpression(SyntaxPrinter.text(parsed))
    #expect(SpanEraser.erase(parsed) == SpanEraser.erase(again))
  }
}
