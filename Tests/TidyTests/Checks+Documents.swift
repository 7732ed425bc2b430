/// Rules for what stands in docs/ and in README.md.
extension Checks {
  /// Relative targets of markdown links, resolved against the document's own folder.
  static func links(of file: SourceFile) -> [(line: Int, target: String)] {
    let folder = file.path.split(separator: "/").dropLast().map(String.init)
    return file.lines.enumerated().flatMap { index, line in
      line.matches(of: /\]\(([^)\s]+)\)/).compactMap { match in
        let target = match.1.split(separator: "#", omittingEmptySubsequences: false)[0]
        guard !target.isEmpty, !target.contains("://"), !target.hasPrefix("mailto:") else {
          return nil
        }
        return (index + 1, resolve(String(target), in: folder))
      }
    }
  }

  private static func resolve(_ target: String, in folder: [String]) -> String {
    var parts = folder
    for part in target.split(separator: "/") {
      if part == ".." {
        parts = parts.dropLast()
      } else if part != "." {
        parts.append(String(part))
      }
    }
    return parts.joined(separator: "/")
  }

  /// Links that lead nowhere. A folder counts as there when a tracked file lies in it.
  static func brokenLinks(_ file: SourceFile, existing: Set<String>) -> [Finding] {
    links(of: file).compactMap { line, target in
      let isThere =
        existing.contains(target) || existing.contains { $0.hasPrefix(target + "/") }
      guard !isThere else { return nil }
      return Finding(path: file.path, line: line, message: "'\(target)' is not in the repository")
    }
  }

  /// Documents under docs/ that no chain of links from README.md reaches.
  static func unreachableDocuments(_ documents: [SourceFile]) -> [Finding] {
    var reached: Set<String> = []
    var frontier = ["README.md"]
    while let path = frontier.popLast() {
      guard reached.insert(path).inserted,
        let document = documents.first(where: { $0.path == path })
      else { continue }
      for (_, target) in links(of: document) {
        frontier.append(target)
        frontier.append(target + "/README.md")
      }
    }
    return documents.filter { $0.path.hasPrefix("docs/") && !reached.contains($0.path) }.map {
      Finding(path: $0.path, line: 1, message: "no link leads here: name it in docs/README.md")
    }
  }

  /// More than one first-level title, or none.
  static func titles(_ file: SourceFile) -> [Finding] {
    var isCode = false
    var count = 0
    for line in file.lines {
      if line.hasPrefix("```") { isCode.toggle() }
      if !isCode, line.hasPrefix("# ") { count += 1 }
    }
    guard count != 1 else { return [] }
    return [Finding(path: file.path, line: 1, message: "\(count) titles ('# '), expected one")]
  }

  /// Glossary entries: `**term**` at the start of a table row.
  static func glossaryTerms(_ file: SourceFile) -> Set<String> {
    Set(file.lines.compactMap { $0.firstMatch(of: /^\|\s*\*\*([^*]+)\*\*/).map { String($0.1) } })
  }
}
