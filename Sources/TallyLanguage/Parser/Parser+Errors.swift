import TallyBase

extension Parser {
  /// "found X, expected Y" at the current token, with the keyword the token may have meant.
  func unexpected(_ expectation: String, near keywords: [String] = []) -> TallyError {
    let token = current
    if let error = misspelledAlias(before: token) { return error }
    return TallyError(
      .syntax, "found \(describe(token)), expected \(expectation)", span: token.span,
      hint: keywordHint(token, keywords))
  }

  /// "... is not supported yet" at the current token, or over `span`.
  func unsupported(_ feature: String, span: SourceSpan? = nil, hint: String? = nil) -> TallyError {
    TallyError(
      .unsupported, "\(feature) is not supported", span: span ?? current.span, hint: hint)
  }

  func duplicate(_ clause: String, at token: Token, hint: String? = nil) -> TallyError {
    TallyError(
      .syntax, "found a second \(clause) clause, expected one", span: token.span, hint: hint)
  }

  func unexpectedAfterStatement() -> TallyError {
    if current.kind == .end { return unexpected("a statement") }
    if index > 0, tokens[index - 1].kind == .sign(.semicolon) {
      return TallyError(
        .syntax,
        "found \(describe(current)) after the end of the statement, expected one statement",
        span: current.span)
    }
    return unexpected("a comma, a clause or the end", near: Keywords.clauseStarts)
  }

  /// A bare alias right before the place of trouble is probably a misspelled keyword:
  /// `SELECT org FORM usage`.
  func misspelledAlias(before token: Token) -> TallyError? {
    guard let alias = bareAlias, index > 0, tokens[index - 1] == alias,
      case .word(let word) = alias.kind,
      let keyword = nearest(word, Keywords.clauseStarts + ["as"])
    else { return nil }
    return TallyError(
      .syntax, "found \(describe(alias)), expected a comma or a clause", span: alias.span,
      hint: Suggestion.hint([keyword], quote: ""))
  }

  /// The keyword nearest to `word`, in capitals, if it is near enough to be a slip.
  func nearest(_ word: String, _ keywords: [String]) -> String? {
    guard word.utf8.count >= 2 else { return nil }
    let near = Suggestion.nearest(to: word, among: keywords, limit: 1).first
    guard let near, near != word else { return nil }
    // Two letters within one edit are no evidence.
    guard Suggestion.distance(word, near) <= (near.utf8.count <= 4 ? 1 : 2) || near.hasPrefix(word)
    else { return nil }
    switch near {
    case "group", "order": return near.uppercased() + " BY"
    case "at": return "AT TIME ZONE"
    default: return near.uppercased()
    }
  }

  private func keywordHint(_ token: Token, _ keywords: [String]) -> String? {
    switch token.kind {
    case .word(let word):
      if let keyword = nearest(word, keywords) { return Suggestion.hint([keyword], quote: "") }
      guard Keywords.reserved.contains(word) else { return nil }
      return "a column of this name is written \"\(word)\""
    default:
      return nil
    }
  }

  /// A token as error messages show it.
  func describe(_ token: Token) -> String {
    if token.kind == .end { return "the end of the query" }
    let text = spelling(token)
    let shown = text.count > 40 ? text.prefix(40) + "..." : text[...]
    return text.hasPrefix("\"") || text.hasPrefix("'") ? String(shown) : "\"\(shown)\""
  }

  /// Runs `body` one nesting level deeper.
  mutating func nested<Result>(
    _ body: (inout Parser) throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    guard nesting < Parser.nestingMax else {
      throw TallyError(
        .resourceExhausted, "the query nests more than \(Parser.nestingMax) levels deep",
        span: current.span, hint: "remove parentheses that are not needed, or split the query")
    }
    nesting += 1
    defer { nesting -= 1 }
    return try body(&self)
  }
}
