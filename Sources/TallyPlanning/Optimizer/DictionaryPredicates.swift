import TallyBase

/// Evaluates expressions over one symbol column once per dictionary entry instead of once per
/// row. Only expressions that cannot fail: an entry that no selected row has must not raise an
/// error.
struct DictionaryPredicates: OptimizerRule {
  static let name = "dictionary_predicates"

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedUp { node in
      let types: [LogicalType]
      if case .scan = node {
        types = node.outputTypes
      } else if let input = node.input, readsScan(input) {
        types = input.outputTypes
      } else {
        return node
      }
      return node.mapExpressions { wrap($0, types) }
    }
  }

  /// Whether columns come straight from a scan, with their dictionaries.
  private func readsScan(_ plan: LogicalPlan) -> Bool {
    switch plan {
    case .scan: true
    case .filter(let filter): readsScan(filter.input)
    default: false
    }
  }

  private func wrap(_ expression: BoundExpression, _ types: [LogicalType]) -> BoundExpression {
    switch expression.kind {
    case .column, .literal, .overDictionary: return expression
    default: break
    }
    let columns = expression.columnIndexes
    if columns.count == 1, let column = columns.first, types[column] == .symbol,
      isResult(expression.type), isSafe(expression)
    {
      let body = expression.mapColumns { _ in 0 }
      return BoundExpression(
        .overDictionary(column: column, body: body), type: expression.type,
        span: expression.span)
    }
    return expression.mapChildren { wrap($0, types) }
  }

  private func isResult(_ type: LogicalType) -> Bool {
    type == .bool || type == .int64 || type.isText
  }

  /// Whether no value can make the expression fail, and no dictionary is read yet.
  private func isSafe(_ expression: BoundExpression) -> Bool {
    switch expression.kind {
    case .cast, .overDictionary: return false
    case .call(let function, _) where !isTotal(function): return false
    default: return expression.children.allSatisfy(isSafe)
    }
  }

  private func isTotal(_ function: ScalarFunction) -> Bool {
    switch function {
    case .lower, .upper, .length, .trim, .leftTrim, .rightTrim, .concatenate, .substring,
      .replace, .startsWith, .endsWith, .contains, .splitPart, .left, .right, .coalesce, .nullIf,
      .greatest, .least, .jsonText:
      true
    default: false
    }
  }
}
