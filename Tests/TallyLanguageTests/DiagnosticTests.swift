import TallyBase
import TallyLanguage
import Testing

@Suite("Rendering errors")
struct DiagnosticTests {
  private func render(_ source: String, at marked: String, width: Int = 100) -> [String] {
    let utf8 = Array(source.utf8)
    let mark = Array(marked.utf8)
    let start = (0...(utf8.count - mark.count)).first { utf8[$0...].starts(with: mark) } ?? 0
    let error = TallyError(
      .syntax, "no", span: SourceSpan(start, start + mark.count), hint: "do")
    let text = DiagnosticRenderer(width: width).render(error, source: source)
    return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  @Test("the caret stands under the token, on its line")
  func caret() {
    #expect(
      render("SELECT a\nFROM nowhere\nLIMIT 1", at: "nowhere") == [
        "syntax error: no", "  2 | FROM nowhere", "    |      ^^^^^^^", "hint: do", "",
      ])
  }

  @Test("wide and combining characters before the caret do not shift it")
  func widths() {
    #expect(
      render("SELECT '日本' + bad", at: "bad")[2] == "    | " + String(repeating: " ", count: 16)
        + "^^^")
    #expect(
      render("SELECT 'e\u{301}' + bad", at: "bad")[2] == "    | "
        + String(repeating: " ", count: 13) + "^^^")
    #expect(
      render("SELECT\t'👩‍🚀' bad", at: "bad")[2] == "    | " + String(repeating: " ", count: 12)
        + "^^^")
  }

  @Test("long lines are cut around the caret")
  func longLines() {
    let source =
      "SELECT " + String(repeating: "aaaa, ", count: 100) + "bad"
      + String(repeating: ", b", count: 100)
    let lines = render(source, at: "bad", width: 60)
    #expect(lines[1].count <= 60 && lines[1].contains("bad"))
    let column = lines[2].firstIndex(of: "^").map {
      lines[2].distance(from: lines[2].startIndex, to: $0)
    }
    let start = lines[1].index(lines[1].startIndex, offsetBy: column ?? 0)
    #expect(lines[1][start...].hasPrefix("bad"))
  }

  @Test("spans outside the text and at its end are drawn, not trapped on")
  func oddSpans() {
    for span in [SourceSpan(0, 0), SourceSpan(3, 3), SourceSpan(5, 900), SourceSpan(-4, -2)] {
      let error = TallyError(.syntax, "no", span: span)
      #expect(DiagnosticRenderer().render(error, source: "abc").contains("^"))
      #expect(DiagnosticRenderer().render(error, source: "").contains("^"))
    }
  }

  @Test("control characters of a name reach no terminal")
  func controls() {
    let text = DiagnosticRenderer().render(
      TallyError(.binding, "unknown \u{1B}[31m", span: SourceSpan(0, 2)), source: "a\u{1B}[2Jb")
    #expect(!text.contains("\u{1B}"))
  }
}

@Suite("Splitting statements")
struct SplitterTests {
  @Test("semicolons in strings, names and comments do not split")
  func split() {
    let result = StatementSplitter.split(
      "SELECT ';' ;\n-- a; b\nSELECT \"x;y\" /* ; /* ; */ ; */;\n ; by 'it''s;'")
    #expect(
      result.statements.map(\.text) == [
        "SELECT ';'", "SELECT \"x;y\" /* ; /* ; */ ; */", "by 'it''s;'",
      ])
    #expect(result.statements.map(\.line) == [1, 3, 4])
    #expect(!result.isComplete && !result.isInsideToken)
  }

  @Test(
    "says whether the input is complete",
    arguments: [
      ("SELECT 1;", true), ("SELECT 1", false), ("SELECT 'a;", false), ("", true), ("-- a", true),
      ("SELECT 1; -- a", true), ("SELECT 1; /* a", false), ("SELECT \"a;", false), (" \n", true),
    ])
  func complete(text: String, isComplete: Bool) {
    #expect(StatementSplitter.split(text).isComplete == isComplete)
  }
}

@Suite("Suggestions")
struct SuggestionTests {
  @Test("near names, nearest first")
  func near() {
    let columns = ["model", "requested_model", "cost", "cost_reported", "org", "user", "end_user"]
    #expect(Suggestion.nearest(to: "modle", among: columns).first == "model")
    #expect(Suggestion.nearest(to: "COST", among: columns).first == "cost")
    #expect(Suggestion.nearest(to: "cost_", among: columns).contains("cost_reported"))
    #expect(Suggestion.nearest(to: "zzz", among: columns).isEmpty)
    #expect(Suggestion.nearest(to: "", among: columns).isEmpty)
    #expect(Suggestion.distance("abcd", "acbd") == 1)
    #expect(Suggestion.hint(["a", "b", "c"]) == "did you mean \"a\", \"b\" or \"c\"?")
  }
}
