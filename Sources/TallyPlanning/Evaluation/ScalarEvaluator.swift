package import TallyBase

/// Evaluates bound expressions on boxed values, one row at a time: the specification of scalar
/// semantics. Planning folds constants with it, execution uses it for literals and dictionary
/// entries, and the reference evaluator of the tests is built on it.
package enum ScalarEvaluator {
  /// The value of `expression` on a row of its operator's input.
  ///
  /// - Throws: `invalidArgument` on overflow, a bad cast or an argument out of range, located at
  ///   the innermost expression that has a place; `internal` if a column index is out of range.
  /// - Complexity: O(size of the expression), text functions aside.
  package static func evaluate(
    _ expression: BoundExpression, row: [Value] = []
  ) throws(TallyError) -> Value {
    do {
      return try evaluateKind(expression, row)
    } catch {
      throw error.located(at: expression.span)
    }
  }

  /// Whether a predicate holds: NULL does not.
  package static func isTrue(
    _ predicate: BoundExpression, row: [Value]
  ) throws(TallyError) -> Bool {
    try evaluate(predicate, row: row) == .bool(true)
  }

  private static func evaluateKind(
    _ expression: BoundExpression, _ row: [Value]
  ) throws(TallyError) -> Value {
    switch expression.kind {
    case .column(let index):
      return try column(index, row)
    case .literal(let value):
      return value
    case .call(let function, let arguments):
      return try call(function, expression.type, arguments, row)
    case .cast(let operand):
      let value = try evaluate(operand, row: row)
      return try cast(value, to: expression.type)
    case .and(let terms):
      return try conjunction(terms, row, absorbing: false)
    case .or(let terms):
      return try conjunction(terms, row, absorbing: true)
    case .not(let operand):
      return negated(try evaluate(operand, row: row))
    case .isNull(let operand, let isNegated):
      return .bool(try evaluate(operand, row: row).isNull != isNegated)
    case .compare(let comparison, let left, let right):
      let leftValue = try evaluate(left, row: row)
      return compare(comparison, leftValue, try evaluate(right, row: row))
    case .inList(let operand, let items, let isNegated):
      let found = isIn(try evaluate(operand, row: row), items)
      return isNegated ? negated(found) : found
    case .like(let operand, let pattern, let isNegated):
      guard case .text(let text) = try evaluate(operand, row: row) else { return .null }
      return .bool(LikeMatcher(pattern).matches(text) != isNegated)
    case .caseWhen(let branches, let otherwise):
      for branch in branches where try isTrue(branch.condition, row: row) {
        return try evaluate(branch.result, row: row)
      }
      return try evaluate(otherwise, row: row)
    case .overDictionary(let index, let body):
      return try evaluate(body, row: [column(index, row)])
    }
  }

  private static func column(_ index: Int, _ row: [Value]) throws(TallyError) -> Value {
    guard row.indices.contains(index) else {
      throw TallyError(
        .internal, "expression reads column \(index) of a row of \(row.count) columns")
    }
    return row[index]
  }

  private static func call(
    _ function: ScalarFunction, _ type: LogicalType, _ arguments: [BoundExpression],
    _ row: [Value]
  ) throws(TallyError) -> Value {
    if function == .coalesce {
      for argument in arguments {
        let value = try evaluate(argument, row: row)
        if !value.isNull { return value }
      }
      return .null
    }
    var values: [Value] = []
    values.reserveCapacity(arguments.count)
    for argument in arguments { values.append(try evaluate(argument, row: row)) }
    return try apply(function, type: type, values)
  }

  /// A function of evaluated arguments.
  package static func apply(
    _ function: ScalarFunction, type: LogicalType, _ arguments: [Value]
  ) throws(TallyError) -> Value {
    switch function {
    case .coalesce:
      return arguments.first { !$0.isNull } ?? .null
    case .greatest, .least:
      return extreme(arguments, largest: function == .greatest)
    case .nullIf:
      guard arguments.count == 2 else { throw wrongArguments(function) }
      return compare(.equal, arguments[0], arguments[1]) == .bool(true) ? .null : arguments[0]
    default:
      if arguments.contains(.null) { return .null }
    }
    if let value = try arithmetic(function, type, arguments) { return value }
    if let value = try numeric(function, type, arguments) { return value }
    if let value = text(function, arguments) { return value }
    if let value = try time(function, arguments) { return value }
    throw wrongArguments(function)
  }

  /// The binder never builds such a call.
  private static func wrongArguments(_ function: ScalarFunction) -> TallyError {
    TallyError(.internal, "function \(function) got arguments of types it does not take")
  }
}

// MARK: - Three-valued logic

extension ScalarEvaluator {
  /// AND (`absorbing` false) or OR (true): the absorbing value wins over NULL. Terms are
  /// evaluated in order and stop at it.
  private static func conjunction(
    _ terms: [BoundExpression], _ row: [Value], absorbing: Bool
  ) throws(TallyError) -> Value {
    var sawNull = false
    for term in terms {
      let value = try evaluate(term, row: row)
      if value == .bool(absorbing) { return value }
      if value.isNull { sawNull = true }
    }
    return sawNull ? .null : .bool(!absorbing)
  }

  private static func negated(_ value: Value) -> Value {
    if case .bool(let truth) = value { .bool(!truth) } else { .null }
  }

  package static func compare(_ comparison: Comparison, _ left: Value, _ right: Value) -> Value {
    if left.isNull || right.isNull { return .null }
    let order = ValueOrder.compare(left, right)
    let truth =
      switch comparison {
      case .equal: order == 0
      case .notEqual: order != 0
      case .less: order < 0
      case .lessOrEqual: order <= 0
      case .greater: order > 0
      case .greaterOrEqual: order >= 0
      }
    return .bool(truth)
  }

  private static func isIn(_ value: Value, _ items: [Value]) -> Value {
    if value.isNull { return .null }
    if items.contains(where: { !$0.isNull && ValueOrder.compare(value, $0) == 0 }) {
      return .bool(true)
    }
    return items.contains(.null) ? .null : .bool(false)
  }

  private static func extreme(_ values: [Value], largest: Bool) -> Value {
    var best = Value.null
    for value in values where !value.isNull {
      let order = best.isNull ? 0 : ValueOrder.compare(value, best)
      if best.isNull || (largest ? order > 0 : order < 0) { best = value }
    }
    return best
  }
}
