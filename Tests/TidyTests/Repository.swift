import Foundation

/// The files git tracks, read once.
struct Repository: Sendable {
  struct File: Sendable, CustomStringConvertible {
    /// Relative to the package root, with `/`.
    var path: String
    var text: String
    /// The text with comments and strings blanked, of Swift files; empty for others. Kept because
    /// every check wants it.
    let source: SwiftSource

    init(path: String, text: String) {
      self.path = path
      self.text = text
      source = SwiftSource(path.hasSuffix(".swift") ? text : "")
    }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var isSwift: Bool { path.hasSuffix(".swift") }
    var isMarkdown: Bool { path.hasSuffix(".md") }
    /// The path alone: a failed expectation must not print the repository.
    var description: String { path }
  }

  static let shared = Repository()

  let files: [File]

  /// The folder that holds Package.swift, found from this file's own place.
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private init() {
    files = Repository.trackedPaths().compactMap { path in
      let url = Repository.root.appendingPathComponent(path)
      guard let data = try? Data(contentsOf: url), let text = String(data: data, encoding: .utf8)
      else { return nil }
      return File(path: path, text: text)
    }
  }

  var swiftFiles: [File] { files.filter(\.isSwift) }
  var markdownFiles: [File] { files.filter(\.isMarkdown) }

  func file(_ path: String) -> File? { files.first { $0.path == path } }

  /// Tracked files; every file outside build folders when this is not a git work tree.
  private static func trackedPaths() -> [String] {
    let listed = gitPaths()
    return (listed.isEmpty ? walkedPaths() : listed).sorted()
  }

  private static func gitPaths() -> [String] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["git", "-C", root.path, "ls-files", "-z"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return [] }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return [] }
    return String(decoding: data, as: UTF8.self).split(separator: "\0").map(String.init)
  }

  private static func walkedPaths() -> [String] {
    guard let walker = FileManager.default.enumerator(atPath: root.path) else { return [] }
    var paths: [String] = []
    for case let path as String in walker {
      let isBuilt = path.split(separator: "/").contains { $0.hasPrefix(".build") || $0 == ".git" }
      if !isBuilt { paths.append(path) }
    }
    return paths
  }
}
