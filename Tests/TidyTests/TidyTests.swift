import Testing

/// The house rules over every tracked file.
@Suite struct TidyTests {
  let repository = Repository.shared

  private func expectNone(
    _ findings: [Finding], location: SourceLocation = #_sourceLocation
  ) {
    let text = findings.map(\.description).joined(separator: "\n")
    #expect(findings.isEmpty, "\n\(text)", sourceLocation: location)
  }

  @Test func `the repository is found`() {
    let paths = repository.files.map(\.path)
    #expect(paths.contains("Package.swift"))
    #expect(paths.count { $0.hasPrefix("Sources/") } > 20)
  }

  @Test func `no line is longer than 100 columns`() {
    let scripts = repository.files.filter {
      $0.isSwift || $0.path.hasSuffix(".py") || $0.path.hasPrefix(".ci/")
    }
    expectNone(scripts.flatMap(Checks.columns))
  }

  @Test func `no line ends in white space`() {
    let texts = repository.files.filter {
      $0.isSwift || $0.path.hasSuffix(".py") || $0.path.hasPrefix(".ci/")
    }
    expectNone(texts.flatMap(Checks.trailingSpace))
  }

  @Test func `files and functions stay small`() {
    for file in repository.swiftFiles {
      expectNone(Checks.fileLength(file, ratchet: Ratchet.fileLines))
      expectNone(Checks.functionLength(file, ratchet: Ratchet.functionLines))
    }
  }

  @Test func `the ratchet only shrinks`() {
    for (path, limit) in Ratchet.fileLines {
      let count = repository.file(path)?.lines.count ?? 0
      #expect(count == limit, "\(path) has \(count) lines: lower its ratchet, or drop it")
      #expect(limit > Checks.fileLineCountMax, "\(path) needs no ratchet any more")
    }
    for (key, limit) in Ratchet.functionLines {
      let parts = key.split(separator: ":")
      let functions = repository.file(String(parts[0]))?.source.functions ?? []
      let count = functions.filter { $0.name == parts[1] }.map(\.lineCount).max() ?? 0
      #expect(count == limit, "\(key) has \(count) lines: lower its ratchet, or drop it")
      #expect(limit > Checks.functionLineCountMax, "\(key) needs no ratchet any more")
    }
  }

  @Test func `modules import only what lies below them`() {
    expectNone(repository.swiftFiles.flatMap(Checks.layers))
  }

  @Test func `banned words are absent`() {
    expectNone(repository.swiftFiles.flatMap(Checks.tokens))
    expectNone(repository.files.flatMap(Checks.unfinishedWork))
  }

  @Test func `no path of one machine`() {
    expectNone(repository.files.flatMap(Checks.machinePaths))
  }

  @Test func `documents are linked and their links lead somewhere`() {
    let existing = Set(repository.files.map(\.path))
    expectNone(repository.markdownFiles.flatMap { Checks.brokenLinks($0, existing: existing) })
    expectNone(Checks.unreachableDocuments(repository.markdownFiles))
    expectNone(
      repository.markdownFiles.filter { $0.path.hasPrefix("docs/") }.flatMap(Checks.titles))
  }

  @Test func `the glossary defines the house vocabulary`() throws {
    let glossary = repository.file("docs/GLOSSARY.md")
    let terms = Checks.glossaryTerms(try #require(glossary))
    let wanted = [
      "partition", "segment", "row group", "column chunk", "page", "encoding", "compression",
      "dictionary", "zone map", "manifest", "batch", "vector", "selection vector",
      "validity mask", "morsel", "pipeline", "kernel", "logical plan", "physical operator",
      "pruning", "filtering", "flush", "compaction", "retention", "rollup", "event", "symbol",
    ]
    for term in wanted {
      #expect(terms.contains(term), "docs/GLOSSARY.md does not define '\(term)'")
    }
  }

  @Test func `every language test lies where the runner looks`() {
    for file in repository.files where file.path.hasSuffix(".slt") {
      #expect(file.path.hasPrefix("Tests/LanguageContractTests/SLT/"), "\(file.path)")
    }
  }
}
