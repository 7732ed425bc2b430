import TallyBase
import TallyLanguage

extension ExpressionBinder {
  func bindLiteral(_ literal: Literal) throws(TallyError) -> BoundExpression {
    switch literal {
    case .null: return .literal(.null, .null)
    case .bool(let truth): return .literal(.bool(truth), .bool)
    case .integer(let digits): return integer(digits)
    case .decimal(let digits): return decimal(digits)
    case .double(let digits): return try double(digits)
    case .string(let text): return .literal(.text(ByteString(text)), .text)
    case .timestamp(let text):
      return try typed(.text(ByteString(text)), .timestamp)
    case .date(let text):
      return try typed(.text(ByteString(text)), .date)
    case .interval(let count, let unit):
      return .literal(.interval(Interval(count: count, unit: unit)), .interval)
    }
  }

  /// `int64` if it fits, then `int128`, then the nearest double.
  private func integer(_ digits: String) -> BoundExpression {
    guard let value = Int128(digits) else {
      return .literal(.double(Double(digits) ?? .infinity), .double)
    }
    return .literal(.int(value), Int64(exactly: value) == nil ? .int128 : .int64)
  }

  private func decimal(_ digits: String) -> BoundExpression {
    guard let number = DecimalNumber.parse(ByteString(digits)) else {
      return .literal(.double(Double(digits) ?? .infinity), .double)
    }
    let written = digits.utf8.count { $0 &- 0x30 <= 9 }
    guard written <= DecimalNumber.precisionMax else {
      return .literal(.double(Double(digits) ?? .infinity), .double)
    }
    let type = LogicalType.decimal(precision: max(written, 1), scale: number.scale)
    return .literal(.decimal(unscaled: number.unscaled, scale: number.scale), type)
  }

  private func double(_ digits: String) throws(TallyError) -> BoundExpression {
    guard let value = Double(digits), value.isFinite else {
      throw TallyError(.invalidArgument, "\"\(digits)\" is outside the range of a double")
    }
    return .literal(.double(value), .double)
  }

  private func typed(_ value: Value, _ type: LogicalType) throws(TallyError) -> BoundExpression {
    try cast(.literal(value, .text), to: type, explicitly: true)
  }

  mutating func bindUnary(
    _ sign: UnaryOperator, _ operand: Expression
  ) throws(TallyError) -> BoundExpression {
    if sign == .not {
      return BoundExpression(.not(try bindCondition(operand)), type: .bool)
    }
    let bound = try bind(operand)
    if bound.type == .null { return bound }
    guard bound.type.isNumeric || bound.type == .interval else {
      throw TallyError(
        .binding, "found \(bound.type) after \(sign.rawValue), expected a number",
        span: operand.span)
    }
    if sign == .plus { return bound }
    guard bound.literalValue != nil else { return .call(.negate, [bound], bound.type) }
    // The least integer is written as the negation of a literal one above the greatest.
    if case .int(let value) = bound.literalValue, value > Int128.min {
      return .literal(.int(-value), Int64(exactly: -value) == nil ? .int128 : .int64)
    }
    let call = BoundExpression.call(.negate, [bound], bound.type)
    return .literal(try ScalarEvaluator.evaluate(call), bound.type)
  }
}

extension Interval {
  /// `count` calendar units.
  init(count: Int, unit: TimeUnit) {
    let count = Int64(count)
    switch unit {
    case .day: self.init(days: count)
    case .week: self.init(days: count &* 7)
    case .month: self.init(months: count)
    case .quarter: self.init(months: count &* 3)
    case .year: self.init(months: count &* 12)
    case .microsecond, .millisecond, .second, .minute, .hour:
      self.init(microseconds: count &* (CalendarMath.fixedMicroseconds(unit) ?? 1))
    }
  }
}
