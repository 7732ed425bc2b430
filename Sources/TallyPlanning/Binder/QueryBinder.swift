import TallyBase
import TallyLanguage

/// Binds one query. `bind()` runs the clauses in the order they take effect.
struct QueryBinder {
  /// One result column.
  struct Item {
    var expression: BoundExpression
    var name: String
    /// The alias, by which ORDER BY may call it.
    var alias: String?
  }

  let query: Query
  let options: BinderOptions
  var expressions: ExpressionBinder
  var items: [Item] = []
  /// Group keys over the table's columns, or nil if the query does not group.
  var keys: [BoundExpression]?

  init(query: Query, catalog: any Catalog, options: BinderOptions) {
    self.query = query
    self.options = options
    expressions = ExpressionBinder(catalog: catalog, options: options)
  }

  var schema: Schema { expressions.schema }

  mutating func bind() throws(TallyError) -> BoundQuery {
    collectAliases()
    let timeRange =
      try query.timeRange.map { range throws(TallyError) in
        let binder = TimeRangeBinder(nowMicroseconds: options.nowMicroseconds)
        expressions.validTimes = binder.validTimes(of: range)
        return try binder.bind(range)
      } ?? TimeBounds()
    expressions.clause = .filter
    let filter = try query.filter.map { condition throws(TallyError) in
      try expressions.bindCondition(condition)
    }
    try bindKeys()
    try bindItems()
    try addKeysOfShortForm()
    expressions.clause = .having
    var having = try query.having.map { condition throws(TallyError) in
      try expressions.bindCondition(condition)
    }
    var order = try bindOrder()
    let isGrouped = keys != nil || !expressions.aggregates.isEmpty || having != nil
    if let constant = try constantQuery(isGrouped: isGrouped, filter, timeRange) {
      return constant
    }
    var plan = LogicalPlan.scan(
      .init(columns: schema.columns, timeRange: timeRange, scope: expressions.catalog.scope))
    if let filter { plan = .filter(.init(input: plan, predicate: filter)) }
    if isGrouped {
      let keys = keys ?? []
      try moveToGroups(keys, &having, &order)
      plan = .aggregate(.init(input: plan, keys: keys, calls: expressions.aggregates))
    }
    if let having { plan = .filter(.init(input: plan, predicate: having)) }
    return try finish(plan, order)
  }

  private mutating func collectAliases() {
    for case .expression(let expression, let alias?) in query.select
    where expressions.aliases[alias.name] == nil {
      expressions.aliases[alias.name] = expression
    }
    guard case .keys(let groupKeys) = query.groupBy else { return }
    for key in groupKeys {
      guard let alias = key.alias, expressions.aliases[alias.name] == nil else { continue }
      expressions.aliases[alias.name] = key.expression
    }
  }

  /// Keys, items, HAVING and ORDER BY from the table's columns to the aggregate's output.
  private mutating func moveToGroups(
    _ keys: [BoundExpression], _ having: inout BoundExpression?, _ order: inout [OrderTerm]
  ) throws(TallyError) {
    let rewriter = GroupRewriter(schema: schema, keys: keys)
    for index in items.indices {
      items[index].expression = try rewriter.rewrite(items[index].expression)
    }
    if let condition = having { having = try rewriter.rewrite(condition) }
    for index in order.indices {
      order[index].expression = try rewriter.rewrite(order[index].expression)
    }
  }

  /// A query that names neither the table nor any column is one row, as in `SELECT 1 + 1`.
  private func constantQuery(
    isGrouped: Bool, _ filter: BoundExpression?, _ timeRange: TimeBounds
  ) throws(TallyError) -> BoundQuery? {
    guard !isGrouped, query.from == nil, filter == nil, query.timeRange == nil,
      query.orderBy.isEmpty, query.top == nil, query.limit == nil, query.offset == nil,
      items.allSatisfy({ $0.expression.columnIndexes.isEmpty })
    else { return nil }
    var row: [Value] = []
    for item in items { row.append(try ScalarEvaluator.evaluate(item.expression)) }
    let names = items.map(\.name)
    let types = items.map { $0.expression.type }
    return BoundQuery(
      plan: .values(.init(names: names, types: types, rows: [row])), columnNames: names,
      columnTypes: types, warnings: expressions.warnings)
  }

  // MARK: Project, DISTINCT, ORDER BY, LIMIT

  private func finish(
    _ input: LogicalPlan, _ order: [OrderTerm]
  ) throws(TallyError) -> BoundQuery {
    var expressions = items.map(\.expression)
    var names = items.map(\.name)
    let types = expressions.map(\.type)
    var sortKeys: [LogicalPlan.SortKey] = []
    for term in order {
      let index = place(of: term, in: expressions)
      if index == nil {
        guard !query.isDistinct else {
          throw TallyError(
            .binding, "ORDER BY of SELECT DISTINCT expects one of the selected expressions",
            span: term.expression.span)
        }
        expressions.append(term.expression)
        names.append("order\(expressions.count - items.count)")
      }
      let column = BoundExpression.column(
        index ?? expressions.count - 1, term.expression.type, span: term.expression.span)
      sortKeys.append(
        .init(column, isDescending: term.isDescending, nullsFirst: term.nullsFirst))
    }
    var plan = LogicalPlan.project(.init(input: input, expressions: expressions, names: names))
    if query.isDistinct {
      let columns = types.enumerated().map { BoundExpression.column($0.offset, $0.element) }
      plan = .aggregate(.init(input: plan, keys: columns, calls: []))
    }
    if !sortKeys.isEmpty { plan = .sort(.init(input: plan, keys: sortKeys)) }
    let limit = query.top?.count ?? query.limit
    if limit != nil || (query.offset ?? 0) > 0 {
      plan = .limit(.init(input: plan, limit: limit, offset: query.offset ?? 0))
    }
    if expressions.count > items.count || query.isDistinct {
      let columns = types.enumerated().map { BoundExpression.column($0.offset, $0.element) }
      plan = .project(.init(input: plan, expressions: columns, names: items.map(\.name)))
    }
    return BoundQuery(
      plan: plan, columnNames: items.map(\.name), columnTypes: types,
      warnings: self.expressions.warnings, validTimes: self.expressions.validTimes)
  }

  private func place(of term: OrderTerm, in expressions: [BoundExpression]) -> Int? {
    if let item = term.item { return item }
    let bare = term.expression.withoutSpans
    return expressions.firstIndex { $0.withoutSpans == bare }
  }
}

/// One bound term of ORDER BY.
struct OrderTerm {
  var expression: BoundExpression
  /// The result column it is, if it was named by alias or position.
  var item: Int?
  var isDescending: Bool
  var nullsFirst: Bool
}
