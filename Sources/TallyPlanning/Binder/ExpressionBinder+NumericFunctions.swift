import TallyBase
import TallyLanguage

extension ExpressionBinder {
  /// Numeric functions; nil if the name is none.
  mutating func bindNumericFunction(_ call: FunctionCall) throws(TallyError) -> BoundExpression? {
    guard ScalarNames.numeric.contains(call.name) else { return nil }
    switch call.name {
    case "greatest", "least":
      try call.expect(1...100)
      let (operands, type) = try unify(call.arguments, of: call.name)
      return fold(operands, with: call.name == "greatest" ? .greatest : .least, type)
    case "power", "pow":
      try call.expect(2...2)
      return .call(.power, try doubles(call), .double)
    case "mod":
      try call.expect(2...2)
      return try bindBinary(.modulo, call.arguments[0], call.arguments[1])
    case "round":
      try call.expect(1...2)
      return try bindRound(call)
    default:
      try call.expect(1...1)
      return try bindUnaryNumeric(call)
    }
  }

  /// `f(f(a, b), c)` for functions of two operands.
  private func fold(
    _ operands: [BoundExpression], with function: ScalarFunction, _ type: LogicalType
  ) -> BoundExpression? {
    guard let first = operands.first else { return nil }
    return operands.dropFirst().reduce(first) { .call(function, [$0, $1], type) }
  }

  private func doubles(_ call: FunctionCall) throws(TallyError) -> [BoundExpression] {
    var operands: [BoundExpression] = []
    for argument in call.arguments {
      operands.append(try self.argument(argument, as: .double, of: call.name))
    }
    return operands
  }

  private func bindUnaryNumeric(_ call: FunctionCall) throws(TallyError) -> BoundExpression {
    let operand = try number(call)
    switch call.name {
    case "abs": return .call(.absolute, [operand], operand.type)
    case "sign": return .call(.sign, [operand], .int64)
    case "floor", "ceil", "ceiling":
      let function: ScalarFunction = call.name == "floor" ? .floor : .ceiling
      if case .decimal(let precision, _) = operand.type {
        return .call(function, [operand], .decimal(precision: precision, scale: 0))
      }
      return .call(function, try doubles(call), .double)
    case "sqrt": return .call(.squareRoot, try doubles(call), .double)
    case "ln": return .call(.naturalLogarithm, try doubles(call), .double)
    case "exp": return .call(.exponential, try doubles(call), .double)
    default: return .call(.logarithm10, try doubles(call), .double)
    }
  }

  /// The first argument, which must be a number. A bare NULL counts as a double.
  private func number(_ call: FunctionCall) throws(TallyError) -> BoundExpression {
    let operand = call.arguments[0]
    if operand.type == .null { return try cast(operand, to: .double) }
    guard operand.type.isNumeric else {
      throw TallyError(
        .binding, "\(call.name)() got \(operand.type), expected a number", span: operand.span)
    }
    return operand
  }

  /// `round(x [, digits])`. A decimal keeps its precision and takes the smaller scale.
  private func bindRound(_ call: FunctionCall) throws(TallyError) -> BoundExpression {
    let operand = try number(call)
    let digits = call.arguments.count > 1 ? try signedLiteral(call) : 0
    switch operand.type {
    case .decimal(let precision, let scale):
      if digits >= scale { return operand }
      let type = LogicalType.decimal(precision: precision, scale: max(0, digits))
      return .call(.round(digits: digits), [operand], type)
    case .int64, .int128:
      return digits >= 0 ? operand : .call(.round(digits: digits), [operand], operand.type)
    default:
      return .call(.round(digits: digits), [operand], operand.type)
    }
  }

  private func signedLiteral(_ call: FunctionCall) throws(TallyError) -> Int {
    let digits = try call.literalInteger(1, "the number of digits")
    return min(max(digits, -400), 400)
  }
}
