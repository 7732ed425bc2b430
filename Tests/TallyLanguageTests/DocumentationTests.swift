import Foundation
import TallyBase
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

@Suite("The language contract, as far as the parser decides it")
struct ContractTests {
  struct Record {
    var head: [Substring]
    var text: String
  }

  static var records: [Record] {
    get throws {
      let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      let folder = root.appending(path: "LanguageContractTests/SLT")
      let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
      var records: [Record] = []
      for case let file as URL in files.map({ Array($0) }) ?? [] where file.pathExtension == "slt" {
        let text = try String(contentsOf: file, encoding: .utf8)
        for block in text.components(separatedBy: "\n\n") {
          let lines = block.split(separator: "\n").filter { !$0.hasPrefix("#") }
          guard let head = lines.first?.split(separator: " "),
            head.first == "query" || head.first == "statement"
          else { continue }
          let query = lines.dropFirst().prefix { $0 != "----" }.joined(separator: "\n")
          records.append(Record(head: head, text: query))
        }
      }
      return records
    }
  }

  @Test("statements parse, but for those that promise a syntax error")
  func statementsParse() throws {
    let records = try Self.records
    #expect(records.count > 100)
    for record in records {
      let promised =
        record.head.count > 2 && record.head[1] == "error" ? String(record.head[2]) : ""
      do throws(TallyError) {
        let statement = try Parser.parse(record.text)
        #expect(promised != "syntax", "\(record.text)")
        let again = try Parser.parse(SyntaxPrinter.text(statement))
        #expect(SpanEraser.erase(again) == SpanEraser.erase(statement), "\(record.text)")
      } catch {
        #expect(error.code.rawValue == promised, "\(record.text): \(error)")
      }
    }
  }
}
