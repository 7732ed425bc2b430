/// Words that may not stand in the code, each with what to write instead.
extension Checks {
  struct BannedToken: Sendable {
    /// What a line must have for the pattern to be tried: regular expressions are slow in debug.
    var needle: String
    /// Searched in code, comments and strings blanked.
    var pattern: String
    var replacement: String
    /// Path prefixes it is banned under.
    var scopes: [String]
    /// Path prefixes where it is fine all the same.
    var exceptions: [String] = []
  }

  static let bannedTokens: [BannedToken] = [
    BannedToken(
      needle: "@testable", pattern: #"@testable\b"#,
      replacement: "a plain import: make what the test needs 'package'",
      scopes: ["Sources/", "Tests/", "Benchmarks/", "Samples/"]),
    BannedToken(
      needle: "try!", pattern: #"\btry!"#, replacement: "'try' in a throwing function",
      scopes: ["Sources/", "Tests/", "Benchmarks/", "Samples/"]),
    BannedToken(
      needle: "as!", pattern: #"\bas!"#,
      replacement: "'as?' with a thrown error for the other case",
      scopes: ["Sources/", "Tests/", "Benchmarks/", "Samples/"]),
    BannedToken(
      needle: "fatalError(", pattern: #"\bfatalError\("#,
      replacement: "a thrown TallyError(.internal, ...), or 'precondition' for programmer error",
      scopes: ["Sources/"]),
    BannedToken(
      needle: "unsafeBitCast(", pattern: #"\bunsafeBitCast\("#,
      replacement: "init(bitPattern:) or bindMemory",
      scopes: ["Sources/"]),
    BannedToken(
      needle: "print(", pattern: #"(?:^|[^.\w])print\("#,
      replacement: "a returned value: only the command line talks to the terminal",
      scopes: ["Sources/"],
      exceptions: ["Sources/TallyCLI/", "Sources/TallyNetwork/", "Sources/TallyTerminal/"]),
    BannedToken(
      needle: "import Foundation", pattern: #"\bimport Foundation\b"#,
      replacement: "Glibc under canImport, or SystemPackage",
      scopes: ["Sources/"],
      exceptions: ["Sources/TallyCLI/", "Sources/TallyNetwork/", "Sources/TallyTerminal/"]),
    BannedToken(
      needle: "import XCTest", pattern: #"\bimport XCTest\b"#,
      replacement: "Swift Testing ('import Testing')",
      scopes: ["Tests/"]),
    BannedToken(
      needle: "sleep", pattern: #"\bThread\.sleep|\bsleep\(|\busleep\("#,
      replacement: "a condition to wait for: a test that sleeps is slow or flaky",
      scopes: ["Tests/"]),
  ]

  static func tokens(_ file: SourceFile) -> [Finding] {
    guard file.isSwift else { return [] }
    let banned = bannedTokens.filter { token in
      token.scopes.contains { file.path.hasPrefix($0) }
        && !token.exceptions.contains { file.path.hasPrefix($0) }
        && file.source.code.contains(token.needle)
        && !file.source.code.contains("func " + token.needle)
    }
    guard !banned.isEmpty else { return [] }
    var findings: [Finding] = []
    for (index, line) in file.source.lines.enumerated() {
      for token in banned where line.contains(token.needle) {
        guard let pattern = try? Regex(token.pattern), line.contains(pattern) else { continue }
        findings.append(
          Finding(
            path: file.path, line: index + 1,
            message: "'\(token.needle)' is banned, use \(token.replacement)"))
      }
    }
    return findings
  }

  /// Marks of unfinished work, anywhere in the text. Spelled in halves so that this file passes.
  static func unfinishedWork(_ file: SourceFile) -> [Finding] {
    guard !file.path.hasPrefix("Tests/TidyTests/") else { return [] }
    let marks = ["FIX" + "ME", "TO" + "DO", "XX" + "X", "HA" + "CK"]
    guard marks.contains(where: { file.text.contains($0) }) else { return [] }
    return file.lines.enumerated().flatMap { index, line in
      marks.filter { mark in
        line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.contains { $0 == mark }
      }
      .map { mark in
        Finding(
          path: file.path, line: index + 1,
          message: "'\(mark)' is banned, finish the work or drop the remark")
      }
    }
  }

  /// Absolute paths that exist on one machine only.
  static func machinePaths(_ file: SourceFile) -> [Finding] {
    guard !file.path.hasPrefix("Tests/TidyTests/") else { return [] }
    let folders = ["/home/", "/Users/", "/root/", "/var/folders/"]
    guard folders.contains(where: { file.text.contains($0) }) else { return [] }
    let pattern = #/(?:^|[^\w.\-/])/(?:home|Users|root|work|var/folders|tmp/w)//#
    return file.lines.enumerated().compactMap { index, line in
      guard line.contains(pattern) else { return nil }
      return Finding(
        path: file.path, line: index + 1,
        message: "an absolute path of one machine, use one relative to the package root")
    }
  }
}
