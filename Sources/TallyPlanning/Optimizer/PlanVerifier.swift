package import TallyBase

/// Checks that a plan is well-formed: every column index exists in its operator's input and has
/// the type the expression claims, conditions are boolean, and operands are alike where operators
/// need it.
package enum PlanVerifier {
  /// - Throws: `internal` at the first violation.
  package static func verify(_ plan: LogicalPlan) throws(TallyError) {
    if let input = plan.input { try verify(input) }
    let types = plan.input?.outputTypes ?? plan.outputTypes
    switch plan {
    case .scan(let scan):
      for predicate in scan.predicates { try condition(predicate, types) }
    case .filter(let filter):
      try condition(filter.predicate, types)
    case .aggregate(let aggregate):
      for key in aggregate.keys { try expression(key, types) }
      for call in aggregate.calls { try verify(call, types) }
    case .project(let project):
      guard project.names.count == project.expressions.count else {
        throw failure("\(project.expressions.count) columns have \(project.names.count) names")
      }
      for column in project.expressions { try expression(column, types) }
    case .sort(let sort):
      for key in sort.keys { try expression(key.expression, types) }
    case .topN(let topN):
      for key in topN.keys { try expression(key.expression, types) }
    case .limit:
      break
    case .values(let values):
      for row in values.rows where row.count != values.types.count {
        throw failure("a row of \(row.count) values has \(values.types.count) types")
      }
    }
  }

  private static func failure(_ message: String) -> TallyError {
    TallyError(.internal, message)
  }

  private static func verify(_ call: AggregateCall, _ types: [LogicalType]) throws(TallyError) {
    if let filter = call.filter { try condition(filter, types) }
    guard let argument = call.argument else {
      guard call.function == .countRows else { throw failure("an aggregate has no argument") }
      return
    }
    try expression(argument, types)
  }

  private static func condition(
    _ predicate: BoundExpression, _ types: [LogicalType]
  ) throws(TallyError) {
    guard predicate.type == .bool else {
      throw failure("a condition has type \(predicate.type)")
    }
    try expression(predicate, types)
  }

  /// Symbols and texts are one type to every operator; a bare NULL fits all.
  private static func alike(_ left: LogicalType, _ right: LogicalType) -> Bool {
    left == right || (left.isText && right.isText) || left == .null || right == .null
  }

  private static func expression(
    _ node: BoundExpression, _ types: [LogicalType]
  ) throws(TallyError) {
    for child in node.children { try expression(child, types) }
    switch node.kind {
    case .column(let index):
      guard types.indices.contains(index), types[index] == node.type else {
        throw failure("column \(index) of type \(node.type) is not in \(types)")
      }
    case .literal(let value):
      guard value.isNull || fits(value, node.type) else {
        throw failure("literal \(value) is not of type \(node.type)")
      }
    case .compare(_, let left, let right):
      guard alike(left.type, right.type), node.type == .bool else {
        throw failure("\(left.type) is compared with \(right.type)")
      }
    case .and(let terms), .or(let terms):
      for term in terms where term.type != .bool { throw failure("\(term.type) in a condition") }
    case .inList(let operand, let items, _):
      for item in items where !item.isNull && !fits(item, operand.type) {
        throw failure("item \(item) in a list of \(operand.type)")
      }
    case .caseWhen(let branches, let otherwise):
      for branch in branches {
        guard branch.condition.type == .bool, alike(branch.result.type, node.type) else {
          throw failure("a CASE of \(node.type) has a branch of \(branch.result.type)")
        }
      }
      guard alike(otherwise.type, node.type) else {
        throw failure("a CASE of \(node.type) ends in \(otherwise.type)")
      }
    case .overDictionary(let index, let body):
      guard types.indices.contains(index), types[index] == .symbol, body.type == node.type else {
        throw failure("column \(index) has no dictionary")
      }
      try expression(body, [.symbol])
    case .call(let function, let arguments):
      try verify(function, arguments, node.type)
    case .cast, .not, .isNull, .like:
      break
    }
  }

  private static func verify(
    _ function: ScalarFunction, _ arguments: [BoundExpression], _ type: LogicalType
  ) throws(TallyError) {
    switch function {
    case .add, .subtract, .integerDivide, .modulo, .divide, .negate, .absolute, .greatest, .least,
      .coalesce:
      for argument in arguments where !alike(argument.type, type) {
        throw failure("\(function) of \(type) has an operand of \(argument.type)")
      }
    case .multiply:
      let scale = arguments.reduce(0) { $0 + $1.type.scale }
      guard scale == type.scale else {
        throw failure("a product of scale \(type.scale) has factors of scale \(scale)")
      }
    default:
      break
    }
  }

  private static func fits(_ value: Value, _ type: LogicalType) -> Bool {
    switch (value, type) {
    case (.bool, .bool), (.double, .double), (.timestamp, .timestamp), (.date, .date),
      (.interval, .interval), (.text, .text), (.text, .symbol), (.int, .int128):
      true
    case (.int(let number), .int64): Int64(exactly: number) != nil
    case (.decimal(_, let scale), .decimal(_, let expected)): scale == expected
    default: false
    }
  }
}
