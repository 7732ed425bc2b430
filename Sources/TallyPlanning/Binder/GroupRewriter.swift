import TallyBase

/// Moves expressions from the columns of the table to the output of an `Aggregate` node: group
/// keys first, then calls.
struct GroupRewriter {
  private let schema: Schema
  private let keyCount: Int
  private var keyIndexes: [BoundExpression: Int] = [:]

  init(schema: Schema, keys: [BoundExpression]) {
    self.schema = schema
    keyCount = keys.count
    for (index, key) in keys.enumerated().reversed() { keyIndexes[key.withoutSpans] = index }
  }

  /// - Throws: `binding` where a column is neither part of a key nor inside an aggregate.
  func rewrite(_ expression: BoundExpression) throws(TallyError) -> BoundExpression {
    if let index = keyIndexes[expression.withoutSpans] {
      return .column(index, expression.type, span: expression.span)
    }
    guard let index = expression.columnIndex else {
      return try expression.mapChildren { child throws(TallyError) in try rewrite(child) }
    }
    if index >= schema.columns.count {
      let call = index - schema.columns.count
      return .column(keyCount + call, expression.type, span: expression.span)
    }
    let name = schema.columns[index].name
    throw TallyError(
      .binding, "column \"\(name)\" is neither grouped nor inside an aggregate",
      span: expression.span,
      hint: "add it to GROUP BY, or use an aggregate such as any_value(\(name))")
  }
}
