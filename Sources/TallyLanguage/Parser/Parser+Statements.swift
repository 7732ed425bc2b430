import TallyBase

extension Parser {
  mutating func parseStatement() throws(TallyError) -> Statement {
    let token = current
    guard case .word(let word) = token.kind else {
      if token.kind == .end {
        throw TallyError(.syntax, "found no statement, expected a query", span: token.span)
      }
      return .query(try parseQuery())
    }
    switch word {
    case "explain" where !isExpressionAhead(1):
      return try parseExplain()
    case "show" where isShow:
      advance()
      return .show(try parseShow())
    case "describe" where !isExpressionAhead(1):
      return try parseDescribe()
    case "set" where isSet:
      return try parseSet()
    default:
      try rejectForeignStatement(word)
      try rejectMisspelledStart(word)
      return .query(try parseQuery())
    }
  }

  /// Whether the token at `offset` continues an expression that began with a name, so that the
  /// word before it is a column and no keyword.
  private func isExpressionAhead(_ offset: Int) -> Bool {
    switch token(offset).kind {
    case .sign(.semicolon), .sign(.star), .sign(.plus), .sign(.minus), .sign(.leftParenthesis):
      false
    case .sign: true
    case .word(let word):
      ["as", "is", "in", "like", "ilike", "between"].contains(word)
    default: false
    }
  }

  private var isShow: Bool {
    if case .word(let word) = token(1).kind {
      word != "by" && word != "as"
    } else {
      token(1).kind == .end
    }
  }

  private var isSet: Bool {
    switch token(1).kind {
    case .word, .quoted: isAt(.equal, 2) || isAt("to", 2)
    default: false
    }
  }

  /// `EXPLAIN [ANALYZE] query`
  private mutating func parseExplain() throws(TallyError) -> Statement {
    advance()
    let analyze = isAt("analyze") && !isExpressionAhead(1)
    if analyze { advance() }
    if current.kind == .end { throw unexpected("a query to explain") }
    return .explain(try parseQuery(), analyze: analyze)
  }

  /// `SHOW COLUMNS | VALUES column [LIKE 'pattern'] [LIMIT n] | PARTITIONS | REJECTS`
  private mutating func parseShow() throws(TallyError) -> Show {
    let token = current
    guard case .word(let word) = token.kind else {
      throw unexpected("COLUMNS, VALUES, PARTITIONS, ROLLUPS or REJECTS")
    }
    switch word {
    case "columns":
      advance()
      try takeTableName(after: ["from", "in", "of"])
      return .columns
    case "partitions":
      advance()
      return .partitions
    case "rollups":
      advance()
      return .rollups
    case "rejects":
      advance()
      return .rejects
    case "values":
      advance()
      return try parseShowValues()
    case "tables", "databases", "settings", "functions":
      throw unsupported("SHOW \(word.uppercased())")
    default:
      throw unexpected(
        "COLUMNS, VALUES, PARTITIONS or REJECTS",
        near: ["columns", "values", "partitions", "rollups", "rejects"])
    }
  }

  private mutating func parseShowValues() throws(TallyError) -> Show {
    if isAt("of"), token(1).kind != .end { advance() }
    let column = try parseName("a column name")
    var pattern: String?
    var limit: Int?
    while true {
      if pattern == nil, take("like") {
        pattern = try parseString("a pattern in quotes").value
      } else if limit == nil, take("limit") {
        limit = try parseCount("a row count")
      } else {
        return .values(column: column, pattern: pattern, limit: limit)
      }
    }
  }

  /// `DESCRIBE [usage]`
  private mutating func parseDescribe() throws(TallyError) -> Statement {
    advance()
    if isAt("select") || isAt("from") { throw unsupported("DESCRIBE of a query") }
    _ = take("table")
    if case .word(let word) = current.kind, word == "usage" { advance() }
    return .show(.columns)
  }

  private mutating func takeTableName(after prepositions: [String]) throws(TallyError) {
    guard case .word(let word) = current.kind, prepositions.contains(word) else { return }
    advance()
    guard take("usage") else { throw unexpected("the table \"usage\"") }
  }

  /// `SET name = value`, `SET name TO value`; a bare word stands for its text.
  private mutating func parseSet() throws(TallyError) -> Statement {
    advance()
    let name = try parseName("a setting name")
    advance()
    let token = current
    let value: Literal
    switch token.kind {
    case .word("true"), .word("on"): value = .bool(true)
    case .word("false"), .word("off"): value = .bool(false)
    case .word("null"): value = .null
    case .word(let word) where !Keywords.reserved.contains(word): value = .string(word)
    case .string(let text): value = .string(text)
    case .integer(let digits): value = .integer(digits)
    case .decimal(let digits): value = .decimal(digits)
    case .double(let digits): value = .double(digits)
    case .duration(let count, let unit):
      value = .interval(count: try intervalCount(count, at: token), unit: unit)
    default: throw unexpected("a value: a number, a text in quotes, true or false")
    }
    advance()
    return .set(name: name, value: value)
  }

  /// Statements of SQL that a language for questions has no place for.
  private func rejectForeignStatement(_ word: String) throws(TallyError) {
    let isFollowedByName: Bool
    switch token(1).kind {
    case .word(let next): isFollowedByName = next != "by" && next != "as"
    case .quoted, .string: isFollowedByName = true
    default: isFollowedByName = false
    }
    guard isFollowedByName else { return }
    switch word {
    case "insert", "copy", "load":
      throw unsupported(word.uppercased(), hint: "events come in through: tally import FILE")
    case "update", "delete", "create", "drop", "alter", "truncate", "merge":
      throw unsupported(word.uppercased(), hint: "the query language only reads")
    case "with", "prepare", "execute", "pivot", "unpivot", "summarize", "pragma", "attach", "use":
      throw unsupported(word == "with" ? "WITH (common table expressions)" : word.uppercased())
    default:
      return
    }
  }

  /// `SLECT org FROM usage`: a first word near a statement's, followed by what only a statement
  /// continues with.
  private func rejectMisspelledStart(_ word: String) throws(TallyError) {
    guard !Keywords.reserved.contains(word), word.utf8.count >= 3, clause(at: 0) == nil else {
      return
    }
    let next = token(1)
    let isContinued: Bool
    switch next.kind {
    case .word: isContinued = !isReserved(next) && clause(at: 1) == nil
    case .quoted, .string, .integer, .decimal: isContinued = true
    case .sign(.star):
      isContinued = isAt("from", 2) || isAt(.comma, 2) || token(2).kind == .end
    default: isContinued = false
    }
    guard isContinued else { return }
    let starts = Keywords.statementStarts
    guard let keyword = nearest(word, starts) else { return }
    throw TallyError(
      .syntax, "found \(describe(current)), expected SELECT or another statement",
      span: current.span, hint: Suggestion.hint([keyword], quote: ""))
  }
}
