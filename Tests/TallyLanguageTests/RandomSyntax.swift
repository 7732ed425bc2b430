import TallyBase
import TallyLanguage

/// Random statements, as the parser could have built them.
struct RandomSyntax {
  var random: SeededGenerator
  private let none = SourceSpan(0, 0)

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func statement() -> Statement {
    switch random.below(12) {
    case 0: .explain(query(), analyze: random.chance(2))
    case 1: .show(random.pick([.columns, .partitions, .rollups, values()]))
    case 2: .set(name: identifier(), value: random.pick([.bool(true), .null, .string("it's")]))
    default: .query(query())
    }
  }

  private mutating func values() -> Show {
    .values(
      column: identifier(), pattern: random.chance(2) ? text() : nil,
      limit: random.chance(2) ? random.below(100) : nil)
  }

  mutating func query() -> Query {
    var query = Query(isShortForm: random.chance(2), span: none)
    query.isDistinct = random.chance(5)
    query.select = (0...random.below(3)).map { _ in item() }
    if random.chance(2) { query.from = Identifier("usage", span: none) }
    if random.chance(3) { query.timeRange = TimeRange(timeRange(), span: none) }
    if random.chance(2) { query.filter = expression(4) }
    if random.chance(2) {
      query.groupBy =
        random.chance(4)
        ? .all(none)
        : .keys((0...random.below(3)).map { _ in GroupKey(expression(2), alias: alias()) })
    }
    if random.chance(4) { query.having = expression(2) }
    if random.chance(4) {
      query.top = Top(
        count: random.below(50), by: random.chance(2) ? expression(2) : nil, span: none)
    } else {
      if random.chance(2) { query.orderBy = (0...random.below(3)).map { _ in order() } }
      if random.chance(2) { query.limit = random.below(1000) }
      if random.chance(4) { query.offset = random.below(1000) }
    }
    if random.chance(6) { query.timeZone = Located("Europe/Oslo", span: none) }
    return query
  }

  private mutating func item() -> SelectItem {
    random.chance(8) ? .all(none) : .expression(expression(4), alias: alias())
  }

  private mutating func alias() -> Identifier? {
    switch random.below(4) {
    case 0: identifier()
    case 1: Identifier("total", spelling: "Total", span: none)
    default: nil
    }
  }

  private mutating func order() -> OrderItem {
    OrderItem(
      expression(2), isDescending: random.chance(2),
      nullsFirst: random.pick([nil, true, false]))
  }

  private mutating func timeRange() -> TimeRange.Kind {
    let unit = random.pick(TimeUnit.allCases)
    switch random.below(8) {
    case 0: return .last(count: 1 + random.below(30), unit: unit)
    case 1: return .between(since: "2026-01-01", until: random.chance(2) ? "2026-02-01" : nil)
    case 2: return .between(since: nil, until: "2026-02-01 10:00")
    case 3: return .today
    case 4: return .yesterday
    case 5: return .this(unit)
    case 6: return .previous(unit)
    default: return .during("2026-01")
    }
  }

  private mutating func identifier() -> Identifier {
    Identifier(
      random.pick([
        "model", "user", "time", "last", "top", "today", "order", "select", "at", "filter", "all",
        "date", "interval", "over", "a\"b", "Team Name", "größe", "x.y", "1st", "set", "with",
        "desc", "usage", "count", "asc", "distinct", "left", "join", "is", "show", "explain",
      ]), span: none)
  }

  private mutating func text() -> String {
    random.pick(["acme", "it's", "", "-- no comment", "/* */", ";", "a\"b", "日本", "e\u{301}"])
  }

  mutating func expression(_ depth: Int) -> Expression {
    Expression(depth == 0 ? leaf() : kind(depth - 1), span: none)
  }

  private mutating func leaf() -> Expression.Kind {
    switch random.below(5) {
    case 0, 1: .column(identifier())
    case 2: .parameter(1 + random.below(9))
    default: .literal(literal())
    }
  }

  private mutating func literal() -> Literal {
    switch random.below(9) {
    case 0: .null
    case 1: .bool(random.chance(2))
    case 2: .integer(String(random.below(100_000)))
    case 3: .decimal("12.50")
    case 4: .double("1.5e-3")
    case 5: .string(text())
    case 6: .timestamp("2026-01-01 10:00:00")
    case 7: .date("2026-01-01")
    default: .interval(count: random.below(9) - 4, unit: random.pick(TimeUnit.allCases))
    }
  }

  private mutating func kind(_ depth: Int) -> Expression.Kind {
    switch random.below(14) {
    case 0: return .unary(random.pick([.negate, .plus, .not]), expression(depth))
    case 1, 2, 3:
      let sign = random.pick(BinaryOperator.allCases)
      return .binary(sign, expression(depth), expression(depth))
    case 4: return .conjunction(expressions(2, depth))
    case 5: return .disjunction(expressions(2, depth))
    case 6: return .isNull(expression(depth), negated: random.chance(2))
    case 7:
      return .between(
        expression(depth), low: expression(depth), high: expression(depth),
        negated: random.chance(2))
    case 8: return .inList(expression(depth), expressions(1, depth), negated: random.chance(2))
    case 9:
      return .like(
        expression(depth), pattern: expression(depth), ignoringCase: random.chance(2),
        negated: random.chance(2))
    case 10: return caseWhen(depth)
    case 11:
      let types: [LogicalType] = [
        .int64, .int128, .double, .text, .bool, .timestamp, .date,
        .decimal(precision: 18, scale: 3),
      ]
      return .cast(expression(depth), to: Located(random.pick(types), span: none))
    case 12: return call(depth)
    default: return leaf()
    }
  }

  private mutating func expressions(_ minimum: Int, _ depth: Int) -> [Expression] {
    (0..<minimum + random.below(3)).map { _ in expression(depth) }
  }

  private mutating func caseWhen(_ depth: Int) -> Expression.Kind {
    let branches = (0...random.below(2)).map { _ in
      CaseBranch(condition: expression(depth), result: expression(depth))
    }
    return .caseWhen(
      subject: random.chance(2) ? expression(depth) : nil, branches: branches,
      otherwise: random.chance(2) ? expression(depth) : nil)
  }

  private mutating func call(_ depth: Int) -> Expression.Kind {
    let name = Identifier(
      random.pick(["sum", "count", "last", "first", "lower", "left"]), span: none)
    if random.chance(4) {
      return .call(Call(name: Identifier("count", span: none), arguments: [], isStar: true))
    }
    return .call(
      Call(
        name: name, arguments: expressions(1, depth), isDistinct: random.chance(4),
        filter: random.chance(4) ? expression(depth) : nil))
  }
}
