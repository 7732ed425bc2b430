import TallyBase

extension Parser {
  /// `name(...)`, with the forms of SQL that are not plain argument lists.
  mutating func parseCall(_ word: String, _ token: Token) throws(TallyError) -> Tree {
    switch word {
    case "share", "exists", "grouping", "columns", "unnest":
      throw unsupported("\(word)()", span: token.span)
    case "try_cast":
      throw unsupported("TRY_CAST", span: token.span, hint: "use CAST")
    default:
      break
    }
    return try nested { parser throws(TallyError) in
      parser.advance()
      parser.advance()
      switch word {
      case "cast": return try parser.parseCast(token)
      case "extract": return try parser.parseExtract(token)
      default: return try parser.parseArguments(word, token)
      }
    }
  }

  private mutating func parseArguments(_ word: String, _ token: Token) throws(TallyError) -> Tree {
    var call = Call(name: Identifier(word, span: token.span), arguments: [])
    var height = 0
    if take(.star) {
      call.isStar = true
    } else if word == "count", isAt(.rightParenthesis) {
      call.isStar = true
    } else if !isAt(.rightParenthesis) {
      if isAt("distinct") {
        advance()
        call.isDistinct = true
      } else if isAt("all"), !isAt(.comma, 1), !isAt(.rightParenthesis, 1) {
        advance()
      }
      try parseArgumentList(&call, &height)
    }
    if isAt("order"), isAt("by", 1) { throw unsupported("ORDER BY inside a call") }
    try expect(.rightParenthesis, " or a comma")
    try parseCallSuffix(&call, &height)
    return try tree(.call(call), span: span(from: token), height: height)
  }

  private mutating func parseArgumentList(
    _ call: inout Call, _ height: inout Int
  ) throws(TallyError) {
    call.arguments.append(try parsePart(&height))
    // SUBSTRING(x FROM a FOR b)
    if call.name.name == "substring", take("from") {
      call.arguments.append(try parsePart(&height))
      if take("for") { call.arguments.append(try parsePart(&height)) }
      return
    }
    while take(.comma) { call.arguments.append(try parsePart(&height)) }
  }

  /// `FILTER (WHERE condition)`, and what may not follow a call yet.
  private mutating func parseCallSuffix(
    _ call: inout Call, _ height: inout Int
  ) throws(TallyError) {
    if isAt("within"), isAt("group", 1) { throw unsupported("WITHIN GROUP") }
    if isAt("filter"), isAt(.leftParenthesis, 1) {
      advance()
      advance()
      _ = take("where")
      call.filter = try parsePart(&height)
      try expect(.rightParenthesis)
    }
    guard isAt("over") else { return }
    switch token(1).kind {
    case .sign(.leftParenthesis), .word: throw unsupported("a window function (OVER)")
    default: return
    }
  }

  /// `CAST(x AS type)`
  private mutating func parseCast(_ token: Token) throws(TallyError) -> Tree {
    let operand = try parseTree(.disjunction)
    guard take("as") else { throw unexpected("AS and a type") }
    let type = try parseType()
    try expect(.rightParenthesis)
    return try tree(
      .cast(operand.expression, to: type), span: span(from: token), height: operand.height)
  }

  /// `EXTRACT(part FROM t)` is `date_part('part', t)`.
  private mutating func parseExtract(_ token: Token) throws(TallyError) -> Tree {
    let part = current
    let name: String
    switch part.kind {
    case .word(let word) where !Keywords.reserved.contains(word): name = word
    case .string(let text): name = text
    default: throw unexpected("a part of time such as YEAR")
    }
    advance()
    try expect("from")
    let operand = try parseTree(.disjunction)
    try expect(.rightParenthesis)
    let call = Call(
      name: Identifier("date_part", span: token.span),
      arguments: [Expression(.literal(.string(name)), span: part.span), operand.expression])
    return try tree(.call(call), span: span(from: token), height: operand.height)
  }
}
