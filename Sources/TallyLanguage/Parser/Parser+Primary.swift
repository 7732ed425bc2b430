import TallyBase

extension Parser {
  /// A literal, a column, a call, CASE, CAST or a parenthesised expression.
  mutating func parsePrimary() throws(TallyError) -> Tree {
    let token = current
    switch token.kind {
    case .sign(.leftParenthesis):
      return try parseParenthesised()
    case .quoted(let name):
      advance()
      return try finishName(Identifier(name, span: token.span))
    case .word(let word):
      return try parseWord(word, token)
    case .parameter(let number):
      advance()
      return Tree(expression: Expression(.parameter(number), span: token.span), height: 1)
    default:
      guard let literal = try literal(of: token) else { throw unexpected("an expression") }
      advance()
      return leaf(literal, token.span)
    }
  }

  private func leaf(_ literal: Literal, _ span: SourceSpan) -> Tree {
    Tree(expression: Expression(.literal(literal), span: span), height: 1)
  }

  private func literal(of token: Token) throws(TallyError) -> Literal? {
    switch token.kind {
    case .string(let text): .string(text)
    case .integer(let digits): .integer(digits)
    case .decimal(let digits): .decimal(digits)
    case .double(let digits): .double(digits)
    case .duration(let count, let unit):
      .interval(count: try intervalCount(count, at: token), unit: unit)
    default: nil
    }
  }

  private mutating func parseParenthesised() throws(TallyError) -> Tree {
    let start = advance()
    if isAt("select") || (isAt("from") && token(1).kind != .sign(.comma)) {
      throw unsupported("a subquery")
    }
    var inner = try nested { parser throws(TallyError) in try parser.parseTree(.disjunction) }
    if isAt(.comma) { throw unsupported("a row value", hint: "a list follows IN only") }
    guard take(.rightParenthesis) else {
      throw TallyError(
        .syntax, "found \(describe(current)), expected \")\" to close the parenthesis",
        span: current.span)
    }
    inner.expression.span = span(from: start)
    return inner
  }

  private mutating func parseWord(_ word: String, _ token: Token) throws(TallyError) -> Tree {
    switch word {
    case "true", "false":
      advance()
      return leaf(.bool(word == "true"), token.span)
    case "null":
      advance()
      return leaf(.null, token.span)
    case "case":
      return try parseCase()
    case "date", "timestamp", "interval":
      if let literal = try parseTypedLiteral(word) { return leaf(literal, span(from: token)) }
    case "current_timestamp", "current_date":
      guard !isAt(.leftParenthesis, 1) else { break }
      advance()
      let name = word == "current_date" ? "today" : "now"
      let call = Call(name: Identifier(name, span: token.span), arguments: [])
      return try tree(.call(call), span: token.span, height: 0)
    default:
      break
    }
    guard !Keywords.reserved.contains(word) else {
      throw unexpected("an expression")
    }
    if isAt(.leftParenthesis, 1) { return try parseCall(word, token) }
    advance()
    return try finishName(Identifier(word, span: token.span))
  }

  /// A column; `usage.model` is `model`.
  private mutating func finishName(_ name: Identifier) throws(TallyError) -> Tree {
    guard isAt(.point) else {
      return Tree(expression: Expression(.column(name), span: name.span), height: 1)
    }
    advance()
    let start = name.span
    let member = try parseName("a column name after the point")
    let span = start.union(member.span)
    guard name.name == "usage", !isAt(.point) else {
      throw TallyError(
        .syntax, "found \(name.name).\(member.name), expected a column of usage", span: span,
        hint: "a name that contains a point is written \"\(name.name).\(member.name)\"")
    }
    let column = Identifier(member.name, span: span)
    return Tree(expression: Expression(.column(column), span: span), height: 1)
  }

  /// `CASE [subject] WHEN condition THEN result ... [ELSE result] END`
  private mutating func parseCase() throws(TallyError) -> Tree {
    try nested { parser throws(TallyError) in
      let start = parser.advance()
      var height = 0
      var subject: Expression?
      if !parser.isAt("when") { subject = try parser.parsePart(&height) }
      var branches: [CaseBranch] = []
      while parser.take("when") {
        let condition = try parser.parsePart(&height)
        guard parser.take("then") else { throw parser.unexpected("THEN", near: ["then"]) }
        branches.append(CaseBranch(condition: condition, result: try parser.parsePart(&height)))
      }
      guard !branches.isEmpty else { throw parser.unexpected("WHEN", near: ["when"]) }
      let otherwise = parser.take("else") ? try parser.parsePart(&height) : nil
      guard parser.take("end") else {
        throw parser.unexpected("WHEN, ELSE or END", near: ["when", "else", "end"])
      }
      return try parser.tree(
        .caseWhen(subject: subject, branches: branches, otherwise: otherwise),
        span: parser.span(from: start), height: height)
    }
  }

  /// An expression within a larger one, whose height counts into `height`.
  mutating func parsePart(_ height: inout Int) throws(TallyError) -> Expression {
    let part = try parseTree(.disjunction)
    height = max(height, part.height)
    return part.expression
  }
}
