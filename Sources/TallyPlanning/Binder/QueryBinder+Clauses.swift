import TallyBase
import TallyLanguage

extension QueryBinder {
  /// Binds GROUP BY. `GROUP BY ALL` waits for the items.
  mutating func bindKeys() throws(TallyError) {
    expressions.clause = .groupBy
    guard case .keys(let groupKeys) = query.groupBy else { return }
    var bound: [BoundExpression] = []
    for key in groupKeys { bound.append(try bindKey(key)) }
    keys = bound
    expressions.groupedColumns = Set(bound.compactMap(\.columnIndex))
  }

  private mutating func bindKey(_ key: GroupKey) throws(TallyError) -> BoundExpression {
    var expression = key.expression
    var alias = key.alias?.name
    if case .literal(.integer(let digits)) = expression.kind {
      let item = try selectItem(at: digits, in: "GROUP BY", span: expression.span)
      expression = item.expression
      alias = item.alias?.name
    }
    var bound = try expressions.bindSelectItem(expression, alias: alias)
    bound.span = key.expression.span
    guard bound.type != .interval else {
      throw TallyError(
        .binding, "an interval cannot be a group key", span: key.expression.span)
    }
    return bound
  }

  /// The select item that `GROUP BY 2` or `ORDER BY 2` means.
  private func selectItem(
    at digits: String, in clause: String, span: SourceSpan
  ) throws(TallyError) -> (expression: Expression, alias: Identifier?) {
    guard let position = Int(digits), query.select.indices.contains(position - 1) else {
      throw TallyError(
        .binding,
        "\(clause) \(digits) names no result column, there are \(query.select.count)", span: span)
    }
    guard case .expression(let expression, let alias) = query.select[position - 1] else {
      throw TallyError(
        .binding, "\(clause) \(digits) means *, expected one column", span: span)
    }
    return (expression, alias)
  }

  /// Binds the select list; `GROUP BY ALL` and the short form add keys here.
  mutating func bindItems() throws(TallyError) {
    expressions.clause = .select
    for item in query.select {
      switch item {
      case .all(let span):
        for column in expressions.catalog.visibleColumns {
          items.append(
            Item(expression: .column(column.id, column.type, span: span), name: column.name))
        }
      case .expression(let expression, let alias):
        let bound = try expressions.bindSelectItem(expression, alias: alias?.name)
        guard bound.type != .interval else {
          throw TallyError(
            .unsupported, "an interval cannot be a result column", span: expression.span)
        }
        items.append(
          Item(
            expression: bound, name: alias?.spelling ?? QueryBinder.name(of: expression),
            alias: alias?.name))
      }
    }
    if case .all = query.groupBy {
      let firstCall = schema.columns.count
      keys = items.map(\.expression).filter { expression in
        !expression.columnIndexes.contains { $0 >= firstCall }
      }
    }
    expressions.groupedColumns = keys.map { Set($0.compactMap(\.columnIndex)) }
    if keys == nil, !expressions.aggregates.isEmpty { expressions.groupedColumns = [] }
  }

  /// The text of an expression, as the name of its column.
  static func name(of expression: Expression) -> String {
    if case .column(let identifier) = expression.kind { return identifier.name }
    return SyntaxPrinter.text(expression)
  }

  /// In the short form the keys are shown first, unless an item shows them already. Without items
  /// the rows of each group are counted.
  mutating func addKeysOfShortForm() throws(TallyError) {
    guard query.isShortForm, case .keys(let groupKeys) = query.groupBy, let keys else { return }
    let shown = Set(items.map { $0.expression.withoutSpans })
    var leading: [Item] = []
    for (key, bound) in zip(groupKeys, keys) where !shown.contains(bound.withoutSpans) {
      let name = key.alias?.spelling ?? QueryBinder.name(of: key.expression)
      leading.append(Item(expression: bound, name: name, alias: key.alias?.name))
    }
    if items.isEmpty {
      items.append(Item(expression: try countOfRows(), name: "count"))
    }
    items = leading + items
  }

  private mutating func countOfRows() throws(TallyError) -> BoundExpression {
    let name = Identifier("count", span: query.span)
    let call = Call(name: name, arguments: [], isStar: true)
    return try expressions.bindAggregate(call, span: query.span)
  }

  // MARK: ORDER BY and TOP

  mutating func bindOrder() throws(TallyError) -> [OrderTerm] {
    expressions.clause = .orderBy
    if let top = query.top { return try bindTop(top) }
    var terms: [OrderTerm] = []
    for item in query.orderBy {
      var term = try bindOrderTerm(item.expression)
      term.isDescending = item.isDescending
      term.nullsFirst = item.nullsFirst ?? false
      terms.append(term)
    }
    return terms
  }

  /// A position, the alias of an item, or an expression. A bare alias wins over a column.
  private mutating func bindOrderTerm(_ expression: Expression) throws(TallyError) -> OrderTerm {
    var item: Int?
    if case .literal(.integer(let digits)) = expression.kind {
      guard let position = Int(digits), items.indices.contains(position - 1) else {
        throw TallyError(
          .binding, "ORDER BY \(digits) names no result column, there are \(items.count)",
          span: expression.span)
      }
      item = position - 1
    } else if case .column(let identifier) = expression.kind {
      item = items.firstIndex { $0.alias == identifier.name }
    }
    if let item {
      var bound = items[item].expression
      bound.span = expression.span
      return OrderTerm(expression: bound, item: item, isDescending: false, nullsFirst: false)
    }
    let bound = try expressions.bind(expression)
    guard bound.type != .interval else {
      throw TallyError(.binding, "an interval cannot be ordered", span: expression.span)
    }
    return OrderTerm(expression: bound, item: nil, isDescending: false, nullsFirst: false)
  }

  /// `TOP n [BY x]`: the largest first, ties in the order of the keys.
  private mutating func bindTop(_ top: Top) throws(TallyError) -> [OrderTerm] {
    var term: OrderTerm
    if let by = top.by {
      term = try bindOrderTerm(by)
    } else {
      let firstCall = schema.columns.count
      let aggregate = items.firstIndex { item in
        item.expression.columnIndexes.contains { $0 >= firstCall }
      }
      if let aggregate {
        term = OrderTerm(
          expression: items[aggregate].expression, item: aggregate, isDescending: true,
          nullsFirst: false)
      } else if keys != nil {
        term = OrderTerm(
          expression: try countOfRows(), item: nil, isDescending: true, nullsFirst: false)
      } else {
        throw TallyError(
          .binding, "TOP \(top.count) of rows expects BY and an expression", span: top.span,
          hint: "for example TOP \(top.count) BY cost")
      }
    }
    term.isDescending = true
    let ties = (keys ?? []).map { key in
      OrderTerm(expression: key, item: nil, isDescending: false, nullsFirst: false)
    }
    return [term] + ties
  }
}
