import Foundation
import TallyLanguage
import Testing

@Suite("docs/query-language.md")
struct DocumentationTests {
  /// The statements of every block marked `sql`.
  static var examples: [String] {
    get throws {
      let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let text = try String(
        contentsOf: root.appending(path: "docs/query-language.md"), encoding: .utf8)
      var statements: [String] = []
      for block in text.components(separatedBy: "```sql\n").dropFirst() {
        let code = block.components(separatedBy: "```").first ?? ""
        statements += StatementSplitter.split(code).statements.map(\.text)
      }
      return statements
    }
  }

  @Test("every example parses, and its canonical form is the same query")
  func examplesParse() throws {
    let examples = try Self.examples
    #expect(examples.count > 50)
    for example in examples {
      let statement = try Parser.parse(example)
      let again = try Parser.parse(SyntaxPrinter.text(statement))
      #expect(SpanEraser.erase(again) == SpanEraser.erase(statement), "\(example)")
    }
  }
}
