import TallyBase
import TallyLanguage
import Testing

/// Any text gets an answer or an error with a span inside it; none may trap.
@Suite("Hostile texts")
struct FuzzTests {
  private func probe(_ text: String) {
    let split = StatementSplitter.split(text)
    #expect(split.statements.allSatisfy { $0.span.upperBound <= text.utf8.count })
    do throws(TallyError) {
      let statement = try Parser.parse(text)
      let printed = SyntaxPrinter.text(statement)
      #expect(throws: Never.self) { try Parser.parse(printed) }
    } catch {
      let span = error.span ?? SourceSpan(0, 0)
      #expect(span.lowerBound >= 0 && span.upperBound <= text.utf8.count, "\(text)")
      #expect(error.code != .internal)
      #expect(!DiagnosticRenderer(width: 40).render(error, source: text).isEmpty)
    }
  }

  @Test("random bytes", arguments: 0..<10)
  func randomBytes(batch: Int) {
    var random = SeededGenerator(seed: UInt64(batch))
    for _ in 0..<200 {
      let bytes = (0..<random.below(60)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      probe(String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test("mutated queries", arguments: 0..<10)
  func mutatedQueries(batch: Int) {
    let pieces = [
      "(", ")", ",", "'", "\"", ";", "--", "/*", "*/", "not", "and", "by", "last", "7d", "case",
      "is", "in", "::", "->>", "$1", "9999999999999999999999", ".", "1e9", "top", "at", "é", "null",
      "interval", "since '", "between", " ", "\u{0}", "distinct", "from", "over (", "*",
    ]
    for round in 0..<150 {
      var syntax = RandomSyntax(seed: UInt64(batch * 10_000 + round))
      var bytes = Array(SyntaxPrinter.text(syntax.statement()).utf8)
      var random = syntax.random
      for _ in 0...random.below(3) {
        let place = random.below(bytes.count + 1)
        switch random.below(3) {
        case 0: bytes.insert(contentsOf: Array(random.pick(pieces).utf8), at: place)
        case 1: bytes.removeSubrange(place..<min(bytes.count, place + random.below(8)))
        default: bytes = Array(bytes[..<place])
        }
      }
      probe(String(decoding: bytes, as: UTF8.self))
    }
  }
}
