package import TallyBase

/// Cuts a text into statements at semicolons outside strings, quoted names and comments.
///
/// Takes any text, also one that no statement can be parsed from; that is the parser's business.
package struct StatementSplitter {
  /// What was found in a text.
  package struct Result: Hashable, Sendable {
    /// The statements, blank ones left out, without their semicolons. The last one may lack it.
    package var statements: [Statement]
    /// Whether the last statement is ended by a semicolon and nothing but blanks and comments
    /// follow it. A REPL goes on reading until this holds.
    package var isComplete: Bool
    /// Whether the text ends inside a string, a quoted name or a block comment.
    package var isInsideToken: Bool
  }

  /// One statement's text and where it stands.
  package struct Statement: Hashable, Sendable {
    package var text: String
    /// The place of `text` in the whole.
    package var span: SourceSpan
    /// The number of its first line, counted from 1.
    package var line: Int
  }

  private let bytes: [UInt8]
  private var position = 0

  private init(_ text: String) { bytes = Array(text.utf8) }

  /// - Complexity: O(n).
  package static func split(_ text: String) -> Result {
    var splitter = StatementSplitter(text)
    return splitter.run()
  }

  private mutating func run() -> Result {
    var result = Result(statements: [], isComplete: true, isInsideToken: false)
    var start: Int?
    var line = 1
    var lineStart = 0
    while position < bytes.count {
      let tokenStart = position
      let byte = bytes[position]
      if byte == UInt8(ascii: ";") {
        if let start { append(start, tokenStart, &line, &lineStart, to: &result) }
        start = nil
        position += 1
      } else if skipBlank() {
        continue
      } else {
        if start == nil { start = tokenStart }
        if !skipToken() { result.isInsideToken = true }
      }
    }
    if unclosedComment { result.isInsideToken = true }
    if let start {
      append(start, bytes.count, &line, &lineStart, to: &result)
      result.isComplete = false
    }
    if result.isInsideToken { result.isComplete = false }
    return result
  }

  private var unclosedComment = false

  private func append(
    _ start: Int, _ end: Int, _ line: inout Int, _ lineStart: inout Int, to result: inout Result
  ) {
    var end = end
    while end > start, bytes[end - 1] <= 0x20 { end -= 1 }
    line += bytes[lineStart..<start].count { $0 == 0x0A }
    lineStart = start
    result.statements.append(
      Statement(
        text: String(decoding: bytes[start..<end], as: UTF8.self), span: SourceSpan(start, end),
        line: line))
  }

  private func byte(_ offset: Int) -> UInt8 {
    position + offset < bytes.count ? bytes[position + offset] : 0
  }

  /// Skips white space or a comment; false if neither is here.
  private mutating func skipBlank() -> Bool {
    let first = byte(0)
    if first <= 0x20 {
      position += 1
      return true
    }
    if first == UInt8(ascii: "-"), byte(1) == UInt8(ascii: "-") {
      while position < bytes.count, bytes[position] != 0x0A { position += 1 }
      return true
    }
    guard first == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") else { return false }
    skipBlockComment()
    return true
  }

  private mutating func skipBlockComment() {
    var depth = 0
    while position < bytes.count {
      if byte(0) == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") {
        depth += 1
        position += 2
      } else if byte(0) == UInt8(ascii: "*"), byte(1) == UInt8(ascii: "/") {
        depth -= 1
        position += 2
        if depth == 0 { return }
      } else {
        position += 1
      }
    }
    unclosedComment = true
  }

  /// Skips a quoted text or one byte; false if a quoted text has no end.
  private mutating func skipToken() -> Bool {
    let quote = byte(0)
    position += 1
    guard quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return true }
    while position < bytes.count {
      position += 1
      if bytes[position - 1] == quote {
        guard byte(0) == quote else { return true }
        position += 1
      }
    }
    return false
  }
}
