import TallyBase

extension ScalarEvaluator {
  /// `+ - * / // %` and negation; nil if the function is another. No argument is NULL.
  static func arithmetic(
    _ function: ScalarFunction, _ type: LogicalType, _ arguments: [Value]
  ) throws(TallyError) -> Value? {
    switch function {
    case .negate:
      return try arguments.count == 1 ? negate(arguments[0], type) : nil
    case .add, .subtract, .multiply, .divide, .integerDivide, .modulo:
      guard arguments.count == 2 else { return nil }
    default:
      return nil
    }
    if case .double(let left) = arguments[0], case .double(let right) = arguments[1] {
      return doubles(function, left, right)
    }
    guard let left = DecimalNumber(arguments[0]), let right = DecimalNumber(arguments[1])
    else { return nil }
    return try exact(function, type, left, right)
  }

  private static func doubles(
    _ function: ScalarFunction, _ left: Double, _ right: Double
  ) -> Value? {
    switch function {
    case .add: .double(left + right)
    case .subtract: .double(left - right)
    case .multiply: .double(left * right)
    case .divide: right == 0 ? .null : .double(left / right)
    case .modulo:
      right == 0 ? .null : .double(left.truncatingRemainder(dividingBy: right))
    default: nil
    }
  }

  /// Integers and decimals. Operands of all but a product have the result's scale.
  private static func exact(
    _ function: ScalarFunction, _ type: LogicalType, _ left: DecimalNumber,
    _ right: DecimalNumber
  ) throws(TallyError) -> Value? {
    let outcome: (partialValue: Int128, overflow: Bool)
    switch function {
    case .add: outcome = left.unscaled.addingReportingOverflow(right.unscaled)
    case .subtract: outcome = left.unscaled.subtractingReportingOverflow(right.unscaled)
    case .multiply: outcome = left.unscaled.multipliedReportingOverflow(by: right.unscaled)
    case .integerDivide:
      if right.unscaled == 0 { return .null }
      outcome = left.unscaled.dividedReportingOverflow(by: right.unscaled)
    case .modulo:
      if right.unscaled == 0 { return .null }
      // The least integer modulo -1 is 0, which the machine reports as overflow.
      if right.unscaled == -1 { return number(0, type) }
      outcome = left.unscaled.remainderReportingOverflow(dividingBy: right.unscaled)
    default: return nil
    }
    guard !outcome.overflow, fits(outcome.partialValue, type) else {
      throw overflow(symbol(function), type, "\(left.text) and \(right.text)")
    }
    return number(outcome.partialValue, type)
  }

  private static func negate(_ value: Value, _ type: LogicalType) throws(TallyError) -> Value? {
    if case .double(let number) = value { return .double(-number) }
    if case .interval(let interval) = value {
      return .interval(
        Interval(
          months: 0 &- interval.months, days: 0 &- interval.days,
          microseconds: 0 &- interval.microseconds))
    }
    guard let operand = DecimalNumber(value) else { return nil }
    let (result, overflowed) = Int128.zero.subtractingReportingOverflow(operand.unscaled)
    guard !overflowed, fits(result, type) else {
      throw overflow("negation", type, operand.text)
    }
    return number(result, type)
  }

  /// Whether an unscaled number fits the integer that holds values of `type`.
  static func fits(_ value: Int128, _ type: LogicalType) -> Bool {
    type.isInt128Backed || Int64(exactly: value) != nil
  }

  /// An unscaled number as a value of an integer or decimal type.
  static func number(_ unscaled: Int128, _ type: LogicalType) -> Value {
    if case .decimal(_, let scale) = type { return .decimal(unscaled: unscaled, scale: scale) }
    return .int(unscaled)
  }

  static func overflow(
    _ operation: String, _ type: LogicalType, _ operands: String
  ) -> TallyError {
    TallyError(
      .invalidArgument, "\(operation) of \(operands) overflows \(type)",
      hint: "cast an operand to a wider type, for example double")
  }

  private static func symbol(_ function: ScalarFunction) -> String {
    switch function {
    case .add: "addition"
    case .subtract: "subtraction"
    case .multiply: "multiplication"
    default: "division"
    }
  }
}
