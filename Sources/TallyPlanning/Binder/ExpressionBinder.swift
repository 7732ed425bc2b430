import TallyBase
import TallyLanguage

/// Resolves names and types of the expressions of one query.
///
/// All expressions are bound over the columns of the table. An aggregate call becomes the virtual
/// column `schema.columns.count + i`, where i is its place in `aggregates`; `GroupRewriter` then
/// moves what was bound to the output of the `Aggregate` node.
struct ExpressionBinder {
  /// The clause being bound; says whether aggregates may stand there and how names resolve.
  enum Clause: String {
    case select = "SELECT"
    case filter = "WHERE"
    case groupBy = "GROUP BY"
    case having = "HAVING"
    case orderBy = "ORDER BY"

    var allowsAggregates: Bool { self == .select || self == .having || self == .orderBy }
  }

  /// Aliases and computed columns expand in place; this bounds what a short query can become.
  static let nodeCountMax = 100_000

  let catalog: any Catalog
  let schema: Schema
  let options: BinderOptions
  var clause = Clause.select
  /// Select items by alias.
  var aliases: [String: Expression] = [:]
  /// Schema columns that are group keys, or nil if the query does not group. In HAVING and ORDER
  /// BY an alias wins over a column that cannot be read there.
  var groupedColumns: Set<Int>?
  var aggregates: [AggregateCall] = []
  var warnings: [QueryWarning] = []
  /// Times of the query for which everything so far is bound to the same.
  var validTimes: ClosedRange<Int64> = .always
  /// Aliases and computed columns under expansion: they do not refer to themselves.
  private var expanding: [String] = []
  private var enclosingAggregate: String?
  private var nodeCount = 0

  init(catalog: any Catalog, options: BinderOptions) {
    self.catalog = catalog
    schema = catalog.schema
    self.options = options
  }

  mutating func bind(_ expression: Expression) throws(TallyError) -> BoundExpression {
    nodeCount += 1
    guard nodeCount <= ExpressionBinder.nodeCountMax else {
      throw TallyError(
        .resourceExhausted,
        "the query has more than \(ExpressionBinder.nodeCountMax) terms once aliases are expanded",
        span: expression.span)
    }
    do {
      var bound = try bindKind(expression)
      if bound.span == nil { bound.span = expression.span }
      return bound
    } catch {
      throw error.located(at: expression.span)
    }
  }

  private mutating func bindKind(_ expression: Expression) throws(TallyError) -> BoundExpression {
    switch expression.kind {
    case .literal(let literal): return try bindLiteral(literal)
    case .column(let identifier): return try bindColumn(identifier)
    case .parameter(let number): return try bindParameter(number)
    case .unary(let sign, let operand): return try bindUnary(sign, operand)
    case .binary(let sign, let left, let right):
      let boundLeft = try bind(left)
      return try bindBinary(sign, boundLeft, try bind(right))
    case .conjunction(let terms):
      return BoundExpression(.and(try bindConditions(terms)), type: .bool)
    case .disjunction(let terms):
      return BoundExpression(.or(try bindConditions(terms)), type: .bool)
    case .isNull(let operand, let negated):
      return BoundExpression(.isNull(try bind(operand), negated: negated), type: .bool)
    case .between(let operand, let low, let high, let negated):
      return try bindBetween(operand, low, high, negated: negated)
    case .inList(let operand, let items, let negated):
      return try bindInList(operand, items, negated: negated)
    case .like(let operand, let pattern, let ignoringCase, let negated):
      return try bindLike(operand, pattern, ignoringCase: ignoringCase, negated: negated)
    case .caseWhen(let subject, let branches, let otherwise):
      return try bindCase(subject, branches, otherwise)
    case .cast(let operand, let type):
      return try cast(try bind(operand), to: type.value, explicitly: true)
    case .call(let call):
      return try bindCall(call, span: expression.span)
    }
  }

  /// Binds a condition: WHERE, HAVING, FILTER, AND, OR, NOT, WHEN.
  mutating func bindCondition(_ expression: Expression) throws(TallyError) -> BoundExpression {
    let bound = try bind(expression)
    if bound.type == .bool { return bound }
    if bound.type == .null || TypeRules.isTextLiteral(bound) { return try cast(bound, to: .bool) }
    throw TallyError(
      .binding, "found a value of type \(bound.type), expected a condition",
      span: expression.span, hint: "compare it with something, for example with = or IS NOT NULL")
  }

  private mutating func bindConditions(
    _ terms: [Expression]
  ) throws(TallyError) -> [BoundExpression] {
    var bound: [BoundExpression] = []
    for term in terms { bound.append(try bindCondition(term)) }
    return bound
  }

  private func bindParameter(_ number: Int) throws(TallyError) -> BoundExpression {
    guard options.parameters.indices.contains(number - 1) else {
      throw TallyError(
        .binding, "parameter $\(number) has no value, \(options.parameters.count) were given")
    }
    let value = options.parameters[number - 1]
    return .literal(value, ExpressionBinder.type(of: value))
  }

  static func type(of value: Value) -> LogicalType {
    switch value {
    case .null: .null
    case .bool: .bool
    case .int(let number): Int64(exactly: number) == nil ? .int128 : .int64
    case .decimal(let unscaled, let scale):
      .decimal(precision: max(String(unscaled.magnitude).count, scale, 1), scale: scale)
    case .double: .double
    case .timestamp: .timestamp
    case .date: .date
    case .interval: .interval
    case .text: .text
    }
  }
}

// MARK: - Names

extension ExpressionBinder {
  private mutating func bindColumn(_ identifier: Identifier) throws(TallyError) -> BoundExpression {
    let name = identifier.name
    let alias = expanding.contains(name) ? nil : aliases[name]
    if let column = catalog.column(named: name), alias == nil || !prefersAlias(to: column) {
      return .column(column.id, column.type, span: identifier.span)
    }
    if let alias { return try expand(name, alias) }
    if let definition = ComputedColumns.expression(named: name), !expanding.contains(name) {
      do {
        return try expand(name, definition).located(at: identifier.span)
      } catch {
        throw TallyError(error.code, error.message, span: identifier.span, hint: error.hint)
      }
    }
    throw unknownColumn(identifier)
  }

  private func prefersAlias(to column: ColumnSchema) -> Bool {
    guard enclosingAggregate == nil, clause == .having || clause == .orderBy,
      let groupedColumns
    else { return false }
    return !groupedColumns.contains(column.id)
  }

  /// Binds what a name stands for.
  mutating func expand(
    _ name: String, _ expression: Expression
  ) throws(TallyError) -> BoundExpression {
    expanding.append(name)
    defer { expanding.removeLast() }
    return try bind(expression)
  }

  /// Forgets the aliases being expanded while a whole select item is bound.
  mutating func bindSelectItem(
    _ expression: Expression, alias: String?
  ) throws(TallyError) -> BoundExpression {
    guard let alias else { return try bind(expression) }
    return try expand(alias, expression)
  }

  private func unknownColumn(_ identifier: Identifier) -> TallyError {
    let candidates =
      catalog.visibleColumns.map(\.name) + aliases.keys.sorted() + ComputedColumns.names
    let near = Suggestion.nearest(to: identifier.name, among: candidates)
    return TallyError(
      .binding, "unknown column \"\(identifier.name)\"", span: identifier.span,
      hint: Suggestion.hint(near) ?? "SHOW COLUMNS lists what there is")
  }

  /// Runs `body` as an argument of the aggregate `name`.
  mutating func insideAggregate<Result>(
    _ name: String, _ body: (inout ExpressionBinder) throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    if let enclosing = enclosingAggregate {
      throw TallyError(
        .binding, "aggregate \(name)() stands inside aggregate \(enclosing)()",
        hint: "an aggregate takes plain expressions over columns")
    }
    guard clause.allowsAggregates else {
      throw TallyError(
        .binding, "aggregate \(name)() cannot stand in \(clause.rawValue)",
        hint: clause == .filter ? "conditions on aggregates go into HAVING" : nil)
    }
    enclosingAggregate = name
    defer { enclosingAggregate = nil }
    return try body(&self)
  }
}
