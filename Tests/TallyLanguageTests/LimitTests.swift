import TallyBase
import TallyLanguage
import Testing

@Suite("Limits of the query text")
struct LimitTests {
  private func failure(_ text: String) -> TallyError? {
    do throws(TallyError) {
      _ = try Parser.parse(text)
      return nil
    } catch {
      return error
    }
  }

  private func nest(_ depth: Int, _ open: String, _ close: String) -> String {
    "SELECT " + String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
  }

  @Test("nesting ends at 64, and ten thousand levels are an error, not a crash")
  func nesting() {
    #expect(failure(nest(64, "(", ")")) == nil)
    #expect(failure(nest(65, "(", ")"))?.code == .resourceExhausted)
    #expect(failure(nest(64, "abs(", ")")) == nil)
    for (open, close) in [
      ("(", ")"), ("abs(", ")"), ("- ", ""), ("NOT ", ""), ("CASE WHEN ", " THEN 1 END"),
      ("CAST(", " AS int)"), ("1 IN (", ")"), ("1 + (", ")"), ("(", " + 1)"),
    ] {
      #expect(failure(nest(10_000, open, close))?.code == .resourceExhausted, "\(open)")
    }
    #expect(failure(String(repeating: "(", count: 10_000))?.code == .resourceExhausted)
  }

  @Test("chains of operators are as long as the tree may be high")
  func chains() {
    func chain(_ count: Int, _ operation: String) -> String {
      "SELECT " + Array(repeating: "1", count: count).joined(separator: operation)
    }
    #expect(failure(chain(Parser.heightMax, " + ")) == nil)
    #expect(failure(chain(Parser.heightMax + 1, " + "))?.code == .resourceExhausted)
    #expect(failure(chain(20_000, "||"))?.code == .resourceExhausted)
    #expect(
      failure("SELECT a" + String(repeating: "::int", count: 5_000))?.code == .resourceExhausted)
    #expect(
      failure("SELECT a" + String(repeating: " IS NULL", count: 5_000))?.code == .resourceExhausted)
    // Flat chains have no limit but the text's.
    #expect(failure(chain(20_000, " AND ")) == nil)
    #expect(failure(chain(20_000, " OR ")) == nil)
  }

  @Test("an IN list takes ten thousand items")
  func lists() {
    func list(_ count: Int) -> String {
      "SELECT a IN (" + Array(repeating: "1", count: count).joined(separator: ",") + ")"
    }
    #expect(failure(list(10_000)) == nil)
    #expect(failure(list(10_001))?.code == .resourceExhausted)
  }

  @Test("a text takes 256 KiB")
  func length() {
    let query = "SELECT 1"
    let padding = String(repeating: " ", count: Lexer.byteCountMax - query.utf8.count)
    #expect(failure(query + padding) == nil)
    #expect(failure(query + padding + " ")?.code == .resourceExhausted)
  }

  @Test("numbers that no integer holds are errors")
  func numbers() {
    for text in [
      "SELECT 1 LIMIT 99999999999999999999", "SELECT $99999999999999999999", "last 0d",
      "SELECT 99999999999999999999d", "SELECT INTERVAL '99999999999999999999 days'", "top 1e3 by x",
      "SELECT CAST(1 AS decimal(39,0))", "SELECT CAST(1 AS decimal(99999999999999999999))",
    ] {
      #expect(failure(text)?.code == .syntax, "\(text)")
    }
  }
}
