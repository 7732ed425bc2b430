package import TallyBase

/// Recursive-descent parser with precedence climbing.
///
/// Nesting and tree height are limited, so that neither this parser nor any later stage that walks
/// the tree can run out of stack on any text. Chains of AND, OR and list items are flat and
/// limited by the text's length only.
package struct Parser {
  /// Deepest nesting of parentheses, calls, CASE and prefix operators.
  package static let nestingMax = 64
  /// Longest path from an expression's root to a leaf; `a + b + c` is a path of two. Bounds the
  /// recursion of everything that walks a tree, in threads of small stacks too.
  package static let heightMax = 256
  /// Most items of an IN list.
  package static let listItemCountMax = 10_000

  let source: [UInt8]
  let tokens: [Token]
  var index = 0
  var nesting = 0
  /// The word last taken as an alias without AS, in case it was a misspelled keyword.
  var bareAlias: Token?

  init(_ text: String) throws(TallyError) {
    source = Array(text.utf8)
    tokens = try Lexer.tokens(in: text)
  }

  /// Parses one statement, with or without a closing semicolon.
  ///
  /// - Throws: `syntax`, `unsupported` (naming the feature), `resourceExhausted` (a limit).
  /// - Complexity: O(n).
  package static func parse(_ text: String) throws(TallyError) -> Statement {
    var parser = try Parser(text)
    let statement = try parser.parseStatement()
    while parser.take(.semicolon) {}
    guard parser.current.kind == .end else { throw parser.unexpectedAfterStatement() }
    return statement
  }

  /// Parses one expression and nothing else.
  ///
  /// - Throws: as `parse`.
  package static func parseExpression(_ text: String) throws(TallyError) -> Expression {
    var parser = try Parser(text)
    let expression = try parser.parseExpression()
    guard parser.current.kind == .end else {
      throw parser.unexpected("an operator or the end")
    }
    return expression
  }
}

// MARK: - Cursor

extension Parser {
  var current: Token { tokens[index] }

  /// The token `offset` places ahead; `.end` past the last.
  func token(_ offset: Int) -> Token { tokens[min(index + offset, tokens.count - 1)] }

  /// Returns the current token and moves on; stays on `.end`.
  @discardableResult
  mutating func advance() -> Token {
    let token = current
    if index < tokens.count - 1 { index += 1 }
    return token
  }

  func isAt(_ word: String, _ offset: Int = 0) -> Bool { token(offset).kind == .word(word) }

  func isAt(_ sign: Token.Sign, _ offset: Int = 0) -> Bool { token(offset).kind == .sign(sign) }

  mutating func take(_ word: String) -> Bool {
    guard isAt(word) else { return false }
    advance()
    return true
  }

  mutating func take(_ sign: Token.Sign) -> Bool {
    guard isAt(sign) else { return false }
    advance()
    return true
  }

  mutating func expect(_ word: String) throws(TallyError) {
    guard take(word) else { throw unexpected(word.uppercased()) }
  }

  mutating func expect(_ sign: Token.Sign, _ why: String = "") throws(TallyError) {
    guard take(sign) else { throw unexpected("\"\(sign.rawValue)\"" + why) }
  }

  /// From the start of a token to the end of the last one taken.
  func span(from start: Token) -> SourceSpan {
    let last = index > 0 ? tokens[index - 1].span.upperBound : start.span.upperBound
    return SourceSpan(start.span.lowerBound, max(last, start.span.upperBound))
  }

  /// The text of a token as written.
  func spelling(_ token: Token) -> String {
    String(decoding: source[token.span.lowerBound..<token.span.upperBound], as: UTF8.self)
  }

  func isReserved(_ token: Token) -> Bool {
    if case .word(let word) = token.kind { Keywords.reserved.contains(word) } else { false }
  }
}

// MARK: - Small pieces

extension Parser {
  /// A column or setting name: a quoted name, or a word that is not reserved.
  mutating func parseName(_ expectation: String) throws(TallyError) -> Identifier {
    let token = current
    switch token.kind {
    case .word(let word) where !Keywords.reserved.contains(word):
      advance()
      return Identifier(word, span: token.span)
    case .quoted(let name):
      advance()
      return Identifier(name, span: token.span)
    default:
      throw unexpected(expectation)
    }
  }

  /// The name after AS; reserved words are fine there.
  mutating func parseAlias() throws(TallyError) -> Identifier {
    let token = current
    switch token.kind {
    case .word(let word):
      advance()
      return Identifier(word, spelling: spelling(token), span: token.span)
    case .quoted(let name):
      advance()
      return Identifier(name, span: token.span)
    default:
      throw unexpected("a name after AS")
    }
  }

  /// A whole number without sign.
  mutating func parseCount(_ expectation: String) throws(TallyError) -> Int {
    let token = current
    guard case .integer(let digits) = token.kind else {
      if case .parameter = token.kind { throw unsupported("a parameter for \(expectation)") }
      throw unexpected(expectation)
    }
    guard let count = Int(digits) else {
      throw TallyError(
        .syntax, "found \(digits), expected \(expectation) of at most \(Int.max)",
        span: token.span)
    }
    advance()
    return count
  }

  mutating func parseString(_ expectation: String) throws(TallyError) -> Located<String> {
    let token = current
    guard case .string(let text) = token.kind else { throw unexpected(expectation) }
    advance()
    return Located(text, span: token.span)
  }

  /// The unit that the word at `offset` names.
  func unit(at offset: Int) -> TimeUnit? {
    if case .word(let word) = token(offset).kind { TimeUnit(word: word) } else { nil }
  }
}
