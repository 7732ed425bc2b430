import TallyBase
import TallyLanguage

extension ExpressionBinder {
  mutating func bindBinary(
    _ sign: BinaryOperator, _ left: BoundExpression, _ right: BoundExpression
  ) throws(TallyError) -> BoundExpression {
    switch sign {
    case .equal: return try bindComparison(.equal, left, right)
    case .notEqual: return try bindComparison(.notEqual, left, right)
    case .less: return try bindComparison(.less, left, right)
    case .lessOrEqual: return try bindComparison(.lessOrEqual, left, right)
    case .greater: return try bindComparison(.greater, left, right)
    case .greaterOrEqual: return try bindComparison(.greaterOrEqual, left, right)
    case .concatenate:
      return .call(.concatenate, [try asText(left), try asText(right)], .text)
    case .jsonText:
      let document = try argument(left, as: .text, of: "->>")
      return .call(.jsonText, [document, try argument(right, as: .text, of: "->>")], .text)
    case .add, .subtract, .multiply, .divide, .integerDivide, .modulo:
      if let timed = try bindTimeArithmetic(sign, left, right) { return timed }
      return try bindNumeric(sign, left, right)
    }
  }

  func asText(_ operand: BoundExpression) throws(TallyError) -> BoundExpression {
    operand.type.isText ? operand : try cast(operand, to: .text)
  }

  private func bindNumeric(
    _ sign: BinaryOperator, _ left: BoundExpression, _ right: BoundExpression
  ) throws(TallyError) -> BoundExpression {
    if left.type == .null || right.type == .null {
      let other = left.type == .null ? right.type : left.type
      guard other == .null || other.isNumeric else { throw mismatch(sign, left, right) }
      return .literal(.null, sign == .divide ? .double : other)
    }
    switch sign {
    case .multiply:
      guard let types = try TypeRules.product(left, right) else {
        throw mismatch(sign, left, right)
      }
      let factors = [try cast(left, to: types.left), try cast(right, to: types.right)]
      return .call(.multiply, factors, types.result)
    case .divide:
      return try bindQuotient(sign, left, right)
    case .integerDivide:
      guard TypeRules.isInteger(left.type), TypeRules.isInteger(right.type) else {
        return try bindQuotient(sign, left, right)
      }
      return try bindAlike(.integerDivide, sign, left, right)
    case .modulo:
      return try bindAlike(.modulo, sign, left, right)
    default:
      return try bindAlike(sign == .add ? .add : .subtract, sign, left, right)
    }
  }

  /// `/`, and `//` of anything but integers: a quotient of doubles.
  private func bindQuotient(
    _ sign: BinaryOperator, _ left: BoundExpression, _ right: BoundExpression
  ) throws(TallyError) -> BoundExpression {
    guard left.type.isNumeric, right.type.isNumeric else { throw mismatch(sign, left, right) }
    return .call(.divide, [try cast(left, to: .double), try cast(right, to: .double)], .double)
  }

  /// Operators whose operands both have the result's type.
  private func bindAlike(
    _ function: ScalarFunction, _ sign: BinaryOperator, _ left: BoundExpression,
    _ right: BoundExpression
  ) throws(TallyError) -> BoundExpression {
    let isSum = function == .add || function == .subtract
    let type = isSum ? TypeRules.sum(left, right) : TypeRules.remainder(left, right)
    guard let type else { throw mismatch(sign, left, right) }
    return .call(function, [try cast(left, to: type), try cast(right, to: type)], type)
  }

  private func mismatch(
    _ sign: BinaryOperator, _ left: BoundExpression, _ right: BoundExpression
  ) -> TallyError {
    let culprit = left.type.isNumeric ? right : left
    return TallyError(
      .binding, "\(left.type) \(sign.rawValue) \(right.type) is not defined, expected numbers",
      span: culprit.span, hint: culprit.type.isText ? "|| joins texts" : nil)
  }
}

// MARK: - Time

extension ExpressionBinder {
  /// Sums and differences with timestamps, dates and intervals; nil if none is involved.
  private func bindTimeArithmetic(
    _ sign: BinaryOperator, _ left: BoundExpression, _ right: BoundExpression
  ) throws(TallyError) -> BoundExpression? {
    let types = [left.type, right.type]
    guard types.contains(where: { $0 == .timestamp || $0 == .date || $0 == .interval }) else {
      return nil
    }
    if sign == .subtract, left.type == .date, right.type == .date {
      let operands = [try cast(right, to: .timestamp), try cast(left, to: .timestamp)]
      return .call(.dateDifference(.day), operands, .int64)
    }
    if sign == .subtract, !types.contains(.interval), types.contains(.timestamp),
      types.allSatisfy({ $0 == .timestamp || $0 == .date })
    {
      throw TallyError(
        .unsupported, "a difference of timestamps is not supported",
        hint: "date_diff('second', from, to) counts the units between")
    }
    guard sign == .add || sign == .subtract else { throw undefined(sign, left, right) }
    if sign == .add, left.type == .interval || (left.type == .int64 && right.type == .date) {
      guard right.type != .interval else { return try addIntervals(sign, left, right) }
      return try move(right, by: left, sign)
    }
    if left.type == .interval { return try addIntervals(sign, left, right) }
    return try move(left, by: right, sign)
  }

  private func undefined(
    _ sign: BinaryOperator, _ left: BoundExpression, _ right: BoundExpression
  ) -> TallyError {
    TallyError(
      .binding, "\(left.type) \(sign.rawValue) \(right.type) is not defined",
      hint: "times take + and - with an interval, as in time + INTERVAL '1 day'")
  }

  private func addIntervals(
    _ sign: BinaryOperator, _ left: BoundExpression, _ right: BoundExpression
  ) throws(TallyError) -> BoundExpression {
    guard case .interval(let a) = left.literalValue, case .interval(let b) = right.literalValue
    else { throw undefined(sign, left, right) }
    let factor: Int64 = sign == .subtract ? -1 : 1
    let sum = Interval(
      months: a.months &+ b.months &* factor, days: a.days &+ b.days &* factor,
      microseconds: a.microseconds &+ b.microseconds &* factor)
    return .literal(.interval(sum), .interval)
  }

  /// `time + interval`, `date + days`. A date moved by days stays a date.
  private func move(
    _ time: BoundExpression, by amount: BoundExpression, _ sign: BinaryOperator
  ) throws(TallyError) -> BoundExpression {
    var interval: Interval
    switch amount.literalValue {
    case .interval(let value): interval = value
    case .int(let days) where time.type == .date:
      interval = Interval(days: Int64(clamping: days))
    case .null: return .literal(.null, .timestamp)
    default: throw undefined(sign, time, amount)
    }
    guard time.type == .timestamp || time.type == .date else {
      throw undefined(sign, time, amount)
    }
    if sign == .subtract {
      interval = Interval(
        months: 0 &- interval.months, days: 0 &- interval.days,
        microseconds: 0 &- interval.microseconds)
    }
    let operand = try cast(time, to: .timestamp)
    let moved = BoundExpression.call(
      .addInterval, [operand, .literal(.interval(interval), .interval)], .timestamp)
    return amount.type == .interval ? moved : try cast(moved, to: .date)
  }
}
