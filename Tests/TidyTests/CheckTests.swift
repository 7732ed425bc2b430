import Testing

/// Each check finds what it is for, and only that.
@Suite struct CheckTests {
  private func file(_ text: String, path: String = "Sources/TallyBase/Sample.swift") -> SourceFile {
    SourceFile(path: path, text: text)
  }

  @Test func `columns are counted in characters, and links may be long`() {
    let wide = String(repeating: "a", count: 101)
    #expect(Checks.columns(file("let a = 1\n" + wide)).map(\.line) == [2])
    #expect(Checks.columns(file(String(repeating: "\u{e9}", count: 100))).isEmpty)
    #expect(Checks.columns(file("// https://example.com/" + wide)).isEmpty)
  }

  @Test func `trailing space is found`() {
    #expect(Checks.trailingSpace(file("a \nb\nc\t")).map(\.line) == [1, 3])
    #expect(Checks.trailingSpace(file("a\nb")).isEmpty)
  }

  @Test func `a file over the limit is found unless the ratchet allows it`() {
    let long = file(String(repeating: "\n", count: 600))
    #expect(Checks.fileLength(long).count == 1)
    #expect(Checks.fileLength(long, ratchet: [long.path: 601]).isEmpty)
    #expect(Checks.fileLength(file(String(repeating: "\n", count: 599))).isEmpty)
  }

  @Test func `functions are measured from signature to closing brace`() {
    let source = SwiftSource(
      """
      protocol Shape {
        func area() -> Int
        var name: String { get }
      }
      struct Square {
        init(
          side: Int
        ) {
          let text = "}"  // }
        }
        func area() -> Int { 1 }
        func longer(
          _ a: Int
        ) throws -> Int
        {
          if a > 0 {
            return 1
          }
          return 2
        }
        subscript(index: Int) -> Int {
          index
        }
        deinit {
        }
      }
      """)
    #expect(
      source.functions == [
        FunctionExtent(name: "init", firstLine: 6, lineCount: 5),
        FunctionExtent(name: "area", firstLine: 11, lineCount: 1),
        FunctionExtent(name: "longer", firstLine: 12, lineCount: 9),
        FunctionExtent(name: "subscript", firstLine: 21, lineCount: 3),
        FunctionExtent(name: "deinit", firstLine: 24, lineCount: 2),
      ])
  }

  @Test func `a long function is found unless the ratchet allows it`() {
    let body = String(repeating: "  let a = 1\n", count: 69)
    let long = file("func f() {\n" + body + "}")
    #expect(Checks.functionLength(long).map(\.line) == [1])
    #expect(Checks.functionLength(long, ratchet: ["\(long.path):f": 71]).isEmpty)
    #expect(Checks.functionLength(file("func f() {\n" + body.dropFirst(12) + "}")).isEmpty)
  }

  @Test func `comments and strings are not code`() {
    let source = SwiftSource(
      ##"""
      let a = "try! \(b("x)")) as!" // try!
      /* as! /* nested */ try! */ let c = #"a " try! "#
      let d = """
        try!
        """ + e
      """##)
    #expect(!source.code.contains("try!"))
    #expect(!source.code.contains("as!"))
    #expect(source.code.contains("let c ="))
    #expect(source.code.contains("+ e"))
    #expect(source.lines.count == 5)
  }

  @Test func `an import against the arrows is found`() {
    #expect(Checks.layers(file("package import TallyFile")).count == 1)
    #expect(Checks.layers(file("internal import Synchronization\nimport Glibc")).isEmpty)
    let language = "Sources/TallyLanguage/Parser/Parser.swift"
    #expect(Checks.layers(file("import TallyBase", path: language)).isEmpty)
    #expect(Checks.layers(file("import TallyStorage", path: language)).count == 1)
    #expect(Checks.layers(file("import struct Foundation.Data", path: language)).count == 1)
    let ingest = "Sources/TallyIngest/Json/JsonLinesDecoder.swift"
    #expect(Checks.layers(file("import CZlib\nimport CZstd", path: ingest)).isEmpty)
    #expect(Checks.layers(file("import TallyStorage", path: ingest)).count == 1)
    #expect(Checks.layers(file("import A", path: "Sources/Unknown/A/B.swift")).count == 1)
    #expect(Checks.layers(file("// import Foundation")).isEmpty)
  }

  @Test func `banned words are found where they are banned`() {
    #expect(Checks.tokens(file("let a = try! b()")).count == 1)
    #expect(Checks.tokens(file("let a = b as! C")).count == 1)
    #expect(Checks.tokens(file("fatalError(\"\")")).count == 1)
    #expect(Checks.tokens(file("unsafeBitCast(a, to: B.self)")).count == 1)
    #expect(Checks.tokens(file("  print(a)")).count == 1)
    #expect(Checks.tokens(file("import Foundation")).count == 1)
    #expect(Checks.tokens(file("import XCTest", path: "Tests/A/B.swift")).count == 1)
    #expect(Checks.tokens(file("sleep(1)", path: "Tests/A/B.swift")).count == 1)
    #expect(Checks.tokens(file("@testable import Tally", path: "Tests/A/B.swift")).count == 1)
  }

  @Test func `allowed neighbours of banned words pass`() {
    #expect(Checks.tokens(file("let a = try? b() as? C")).isEmpty)
    #expect(Checks.tokens(file("printer.print(a); footprint(b); fingerprint(c)")).isEmpty)
    #expect(Checks.tokens(file("print(a)", path: "Sources/TallyCLI/Query.swift")).isEmpty)
    #expect(Checks.tokens(file("import Foundation", path: "Tests/A/B.swift")).isEmpty)
    #expect(Checks.tokens(file("// try! is banned")).isEmpty)
  }

  @Test func `marks of unfinished work are found as words`() {
    #expect(Checks.unfinishedWork(file("// TO" + "DO: later")).count == 1)
    #expect(Checks.unfinishedWork(file("// FIX" + "ME")).count == 1)
    #expect(Checks.unfinishedWork(file("// to do, a fix, mastodon, TO" + "DOS")).isEmpty)
  }

  @Test func `paths of one machine are found`() {
    #expect(Checks.machinePaths(file("cd /home/me/tally")).count == 1)
    #expect(Checks.machinePaths(file("\"/Users/me/x\"")).count == 1)
    #expect(Checks.machinePaths(file("docs/home/x, /usr/bin/env, ./srv/x")).isEmpty)
  }

  @Test func `links are resolved and broken ones found`() {
    let document = file(
      "# A\n[b](../b.md#part) [c](c.md) [d](https://d.e)\n[f](folder)", path: "docs/x/a.md")
    let targets = Checks.links(of: document).map(\.target)
    #expect(targets == ["docs/b.md", "docs/x/c.md", "docs/x/folder"])
    let existing: Set<String> = ["docs/b.md", "docs/x/folder/README.md"]
    #expect(Checks.brokenLinks(document, existing: existing).map(\.line) == [2])
  }

  @Test func `a document nothing links to is found`() {
    let documents = [
      file("# R\n[docs](docs/README.md)", path: "README.md"),
      file("# D\n[a](a.md) [all](decisions)", path: "docs/README.md"),
      file("# A", path: "docs/a.md"),
      file("# O\n[x](0001.md)", path: "docs/decisions/README.md"),
      file("# X", path: "docs/decisions/0001.md"),
      file("# L", path: "docs/lost.md"),
    ]
    #expect(Checks.unreachableDocuments(documents).map(\.path) == ["docs/lost.md"])
  }

  @Test func `a document has one title`() {
    #expect(Checks.titles(file("# A\n```\n# not one\n```\n## B", path: "docs/a.md")).isEmpty)
    #expect(Checks.titles(file("# A\n# B", path: "docs/a.md")).count == 1)
    #expect(Checks.titles(file("text", path: "docs/a.md")).count == 1)
  }

  @Test func `glossary rows are read`() {
    let glossary = file("| term |\n|---|\n| **row group** | rows |\n| *x* | y |")
    #expect(Checks.glossaryTerms(glossary) == ["row group"])
  }
}
