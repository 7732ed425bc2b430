import TallyBase
import TallyLanguage

extension ExpressionBinder {
  /// COALESCE and its kin; nil if the name is none.
  mutating func bindConditionalFunction(
    _ call: FunctionCall
  ) throws(TallyError) -> BoundExpression? {
    switch call.name {
    case "coalesce", "ifnull":
      try call.expect(call.name == "ifnull" ? 2...2 : 1...1_000)
      let (operands, type) = try unify(call.arguments, of: call.name)
      return .call(.coalesce, operands, type)
    case "nullif":
      try call.expect(2...2)
      return try bindNullIf(call.arguments[0], call.arguments[1])
    case "if":
      try call.expect(3...3)
      let condition = try cast(call.arguments[0], to: .bool)
      let (results, type) = try unify(Array(call.arguments.dropFirst()), of: call.name)
      let branch = BoundExpression.Branch(condition: condition, result: results[0])
      return BoundExpression(.caseWhen([branch], otherwise: results[1]), type: type)
    default:
      return nil
    }
  }

  /// NULL where both are equal, else the first in its own type.
  private mutating func bindNullIf(
    _ first: BoundExpression, _ second: BoundExpression
  ) throws(TallyError) -> BoundExpression {
    let equal = try bindComparison(.equal, first, second)
    let type: LogicalType = first.type.isText ? .text : first.type
    if case .compare(.equal, let left, let right) = equal.kind, left == first {
      return .call(.nullIf, [left, right], type)
    }
    let none = BoundExpression.literal(.null, type)
    let branch = BoundExpression.Branch(condition: equal, result: none)
    return BoundExpression(.caseWhen([branch], otherwise: first), type: type)
  }
}
