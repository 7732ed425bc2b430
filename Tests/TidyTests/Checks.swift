/// One finding, as a compiler would print it.
struct Finding: Equatable, CustomStringConvertible {
  var path: String
  var line: Int
  var message: String

  var description: String { "\(path):\(line): \(message)" }
}

typealias SourceFile = Repository.File

/// The house rules that can be read off the text. Each check takes one file and returns what is
/// wrong with it; the suite runs them over the repository and over small cases of their own.
enum Checks {
  static let columnCountMax = 100
  static let functionLineCountMax = 70
  static let fileLineCountMax = 600

  static func columns(_ file: SourceFile) -> [Finding] {
    file.lines.enumerated().compactMap { index, line in
      guard line.utf8.count > columnCountMax else { return nil }
      let count = line.unicodeScalars.count
      guard count > columnCountMax, !line.contains("://") else { return nil }
      return Finding(
        path: file.path, line: index + 1,
        message: "\(count) columns, the limit is \(columnCountMax): wrap the line")
    }
  }

  static func trailingSpace(_ file: SourceFile) -> [Finding] {
    file.lines.enumerated().compactMap { index, line in
      guard let last = line.last, last == " " || last == "\t" || last == "\r" else { return nil }
      return Finding(path: file.path, line: index + 1, message: "trailing space: remove it")
    }
  }

  static func fileLength(_ file: SourceFile, ratchet: [String: Int] = [:]) -> [Finding] {
    let count = file.lines.count
    let limit = max(fileLineCountMax, ratchet[file.path] ?? 0)
    guard count > limit else { return [] }
    return [
      Finding(
        path: file.path, line: 1,
        message: "\(count) lines, the limit is \(limit): split it by aspect (Type+Aspect.swift)")
    ]
  }

  static func functionLength(_ file: SourceFile, ratchet: [String: Int] = [:]) -> [Finding] {
    file.source.functions.compactMap { function in
      let limit = max(functionLineCountMax, ratchet["\(file.path):\(function.name)"] ?? 0)
      guard function.lineCount > limit else { return nil }
      return Finding(
        path: file.path, line: function.firstLine,
        message: "'\(function.name)' has \(function.lineCount) lines, the limit is \(limit): "
          + "give its parts names")
    }
  }
}
