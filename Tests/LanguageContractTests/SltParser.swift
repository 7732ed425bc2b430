import TallyBase

/// Reads a language test file, strictly: a word that is not known is an error, so that no record
/// is left out by a slip.
struct SltParser {
  private let name: String
  private let lines: [Substring]
  private var index = 0
  private var dataSet: String?
  private var now: Int64?
  private var records: [SltRecord] = []
  private var warnings: [String] = []
  private var skipsMatrix = false

  private init(name: String, text: String) {
    self.name = name
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  static func parse(name: String, text: String) throws -> SltFile {
    var parser = SltParser(name: name, text: text)
    try parser.run()
    guard let dataSet = parser.dataSet else { throw parser.error("no 'load' line") }
    return SltFile(name: name, dataSet: dataSet, now: parser.now, records: parser.records)
  }

  private func error(_ message: String) -> SltSyntaxError {
    SltSyntaxError(file: name, line: index + 1, message: message)
  }

  private mutating func run() throws {
    while index < lines.count {
      let line = lines[index]
      let words = line.split(separator: " ")
      switch words.first {
      case nil: break
      case .some(let word) where word.hasPrefix("#"): break
      case "load": dataSet = words.dropFirst().first.map(String.init)
      case "now": try readNow(words)
      case "oracle": break
      case "warning": warnings.append(String(line.dropFirst("warning ".count)))
      case "skipif-matrix": skipsMatrix = true
      case "statement", "query":
        try readRecord(words)
        continue
      case .some(let word): throw error("'\(word)' is not a word of the dialect")
      }
      index += 1
    }
    guard warnings.isEmpty, !skipsMatrix else { throw error("a modifier without its record") }
  }

  private mutating func readNow(_ words: [Substring]) throws {
    guard words.count == 2, let time = TimestampText.parse(String(words[1])) else {
      throw error("'now' wants a time")
    }
    now = time
  }

  private mutating func readRecord(_ words: [Substring]) throws {
    let line = index + 1
    var expectation = try expectation(words)
    index += 1
    let text = takeLines { $0 != "----" && !$0.isEmpty }.joined(separator: "\n")
    guard !text.isEmpty else { throw error("a record without a text") }
    var rowLines = index + 1..<index + 1
    if case .rows(let types, let isSorted, _) = expectation {
      guard index < lines.count, lines[index] == "----" else { throw error("expected '----'") }
      index += 1
      let start = index + 1
      let rows = takeLines { !$0.isEmpty }.map(String.init)
      expectation = .rows(types: types, isSorted: isSorted, rows: rows)
      rowLines = start..<index + 1
    }
    records.append(
      SltRecord(
        line: line, text: text, expectation: expectation, warnings: warnings,
        skipsMatrix: skipsMatrix, rowLines: rowLines))
    warnings = []
    skipsMatrix = false
  }

  private mutating func takeLines(while isWanted: (Substring) -> Bool) -> [Substring] {
    let start = index
    while index < lines.count, isWanted(lines[index]) { index += 1 }
    return Array(lines[start..<index])
  }

  private func expectation(_ words: [Substring]) throws -> SltRecord.Expectation {
    switch (words[0], words.dropFirst().first) {
    case ("statement", "ok"): return .success
    case ("statement", "error"), ("query", "error"):
      guard words.count >= 3 else { throw error("'error' wants a code, '.' for any") }
      let code = words[2] == "." ? nil : String(words[2])
      if let code, TallyError.Code(rawValue: code) == nil { throw error("no code '\(code)'") }
      return .failure(code: code, fragment: words.dropFirst(3).joined(separator: " "))
    case ("query", .some(let types)) where types.allSatisfy({ "TIDRBSAN".contains($0) }):
      let rest = words.dropFirst(2)
      guard rest.isEmpty || Array(rest) == ["rowsort"] else { throw error("expected 'rowsort'") }
      return .rows(types: String(types), isSorted: !rest.isEmpty, rows: [])
    default: throw error("'\(lines[index])' is not a record")
    }
  }
}
