import TallyBase

extension Parser {
  /// What may begin at a place where an expression could also go on.
  enum Clause {
    case select, from, filter, groupBy, having, orderBy, limit, offset, top, timeRange, timeZone
  }

  /// The clause that begins `offset` tokens ahead. Words that may also be names count only with
  /// what must follow them: `last` begins a time range before a number or a unit, and is a column
  /// elsewhere.
  func clause(at offset: Int) -> Clause? {
    guard case .word(let word) = token(offset).kind else { return nil }
    let next = token(offset + 1).kind
    switch word {
    case "select": return .select
    case "from": return .from
    case "where": return .filter
    case "group", "by": return .groupBy
    case "having": return .having
    case "order": return .orderBy
    case "limit": return .limit
    case "offset": return .offset
    case "at": return next == .word("time") && isAt("zone", offset + 2) ? .timeZone : nil
    case "top":
      if case .integer = next { return .top }
      return nil
    default: return isTimeRange(at: offset) ? .timeRange : nil
    }
  }

  mutating func parseQuery() throws(TallyError) -> Query {
    let start = current
    var query = Query(isShortForm: true, span: start.span)
    var hasItems = false
    while true {
      let token = current
      if token.kind == .end || token.kind == .sign(.semicolon) { break }
      if let feature = unsupportedFeature(at: 0) { throw unsupported(feature) }
      if let clause = clause(at: 0) {
        if clause == .select {
          guard !hasItems else { throw duplicate("SELECT", at: token) }
          hasItems = true
        }
        try parse(clause, into: &query)
      } else {
        guard !hasItems else { throw unexpectedAfterStatement() }
        hasItems = true
        try parseItems(into: &query)
      }
    }
    try finish(&query, start: start, hasItems: hasItems)
    return query
  }

  private mutating func finish(
    _ query: inout Query, start: Token, hasItems: Bool
  ) throws(TallyError) {
    query.span = span(from: start)
    if !hasItems {
      guard index > 0, query.span.upperBound > query.span.lowerBound else {
        throw unexpected("a query")
      }
      if query.groupBy == nil { query.select = [.all(query.from?.span ?? start.span)] }
    }
    guard let top = query.top else { return }
    if query.limit != nil || query.offset != nil || !query.orderBy.isEmpty {
      throw TallyError(
        .syntax, "found TOP beside ORDER BY, LIMIT or OFFSET, expected one of them",
        span: top.span, hint: "TOP n BY x is short for ORDER BY x DESC LIMIT n")
    }
  }

  private mutating func parse(_ clause: Clause, into query: inout Query) throws(TallyError) {
    let start = advance()
    switch clause {
    case .select:
      query.isShortForm = false
      if current.kind == .end { throw unexpected("what to select") }
      try parseItems(into: &query)
    case .from:
      guard query.from == nil else { throw duplicate("FROM", at: start) }
      query.from = try parseTable()
    case .filter:
      guard query.filter == nil else {
        throw duplicate("WHERE", at: start, hint: "join the conditions with AND")
      }
      query.filter = try parseExpression()
    case .groupBy:
      guard query.groupBy == nil else { throw duplicate("GROUP BY", at: start) }
      if start.kind == .word("group") { try expectBy() }
      query.groupBy = try parseGroupBy()
    case .having:
      guard query.having == nil else {
        throw duplicate("HAVING", at: start, hint: "join the conditions with AND")
      }
      query.having = try parseExpression()
    case .orderBy:
      guard query.orderBy.isEmpty else { throw duplicate("ORDER BY", at: start) }
      try expectBy()
      query.orderBy = try parseOrderItems()
    case .limit, .offset, .top:
      try parseCounted(clause, start: start, into: &query)
    case .timeRange:
      try parseTimeRange(start: start, into: &query)
    case .timeZone:
      guard query.timeZone == nil else { throw duplicate("AT TIME ZONE", at: start) }
      advance()
      advance()
      query.timeZone = try parseString("the name of a time zone in quotes")
    }
  }

  private mutating func expectBy() throws(TallyError) {
    guard take("by") else { throw unexpected("BY", near: ["by"]) }
  }

  private mutating func parseCounted(
    _ clause: Clause, start: Token, into query: inout Query
  ) throws(TallyError) {
    switch clause {
    case .limit:
      guard query.limit == nil else { throw duplicate("LIMIT", at: start) }
      query.limit = try parseCount("a row count")
      if isAt(.percent) { throw unsupported("LIMIT in percent") }
    case .offset:
      guard query.offset == nil else { throw duplicate("OFFSET", at: start) }
      query.offset = try parseCount("a row count")
      if !take("rows") { _ = take("row") }
    default:
      guard query.top == nil else { throw duplicate("TOP", at: start) }
      let count = try parseCount("a row count")
      var key: Expression?
      if take("by") {
        key = try parseExpression()
        if !take("desc"), isAt("asc") {
          throw unexpected("a clause: TOP takes the largest", near: [])
        }
        if isAt(.comma) { throw unsupported("TOP by several keys") }
      }
      if isAt("per") { throw unsupported("TOP ... PER") }
      query.top = Top(count: count, by: key, span: span(from: start))
    }
  }

  /// `[DISTINCT] item, ...`; a trailing comma is forgiven.
  private mutating func parseItems(into query: inout Query) throws(TallyError) {
    if isAt("distinct") {
      advance()
      if isAt("on"), isAt(.leftParenthesis, 1) { throw unsupported("DISTINCT ON") }
      query.isDistinct = true
    } else if isAt("all"), !isAt(.comma, 1), !query.isShortForm, token(1).kind != .end,
      clause(at: 1) == nil
    {
      advance()
    }
    repeat {
      if !query.select.isEmpty, current.kind == .end || clause(at: 0) != nil { return }
      query.select.append(try parseItem())
    } while take(.comma)
  }

  private mutating func parseItem() throws(TallyError) -> SelectItem {
    let start = current
    if isAt(.star) {
      advance()
      for word in ["exclude", "except", "replace", "rename"] where isAt(word) {
        throw unsupported("* \(word.uppercased())")
      }
      return .all(start.span)
    }
    let expression = try parseExpression()
    return .expression(expression, alias: try parseOptionalAlias())
  }

  /// `AS name`, or a bare name that is neither a keyword nor the start of a clause.
  mutating func parseOptionalAlias() throws(TallyError) -> Identifier? {
    if take("as") { return try parseAlias() }
    let token = current
    switch token.kind {
    case .quoted(let name):
      advance()
      return Identifier(name, span: token.span)
    case .word(let word):
      guard !Keywords.reserved.contains(word), clause(at: 0) == nil,
        unsupportedFeature(at: 0) == nil
      else { return nil }
      if isAt("by", 1), let keyword = nearest(word, ["group", "order"]) {
        throw TallyError(
          .syntax, "found \(describe(token)), expected a comma or a clause", span: token.span,
          hint: Suggestion.hint([keyword], quote: ""))
      }
      bareAlias = token
      return try parseAlias()
    default:
      return nil
    }
  }
}
