package import TallyBase

/// The types that operators yield, equal to the oracle's wherever a query is valid in both.
package enum TypeRules {
  /// Widths of decimals held in an `Int64` and an `Int128`.
  private static let narrowPrecisionMax = 18
  private static let precisionMax = 38

  /// Digits an exact number is given when it meets a decimal: a small integer literal counts as
  /// 32 bits wide, any other `int64` as 64.
  private static func width(_ operand: BoundExpression) -> (precision: Int, scale: Int)? {
    switch operand.type {
    case .decimal(let precision, let scale): return (precision, scale)
    case .int128: return (precisionMax, 0)
    case .int64:
      if case .int(let value) = operand.literalValue, Int32(exactly: value) != nil {
        return (10, 0)
      }
      return (19, 0)
    default: return nil
    }
  }

  /// The type both operands of a comparison, CASE, COALESCE, ... are brought to; nil if there is
  /// none. A text literal takes the other side's type.
  package static func common(_ left: BoundExpression, _ right: BoundExpression) -> LogicalType? {
    if left.type == right.type { return left.type }
    if left.type == .null { return right.type }
    if right.type == .null { return left.type }
    if left.type.isText, right.type.isText { return .text }
    if isTextLiteral(left), !right.type.isText { return right.type }
    if isTextLiteral(right), !left.type.isText { return left.type }
    switch (left.type, right.type) {
    case (.date, .timestamp), (.timestamp, .date): return .timestamp
    case (.bool, .int64), (.int64, .bool): return .int64
    default: return commonNumeric(left, right)
    }
  }

  package static func isTextLiteral(_ operand: BoundExpression) -> Bool {
    if case .text = operand.literalValue { true } else { false }
  }

  private static func commonNumeric(
    _ left: BoundExpression, _ right: BoundExpression
  ) -> LogicalType? {
    guard left.type.isNumeric, right.type.isNumeric else { return nil }
    if left.type == .double || right.type == .double { return .double }
    if isInteger(left.type), isInteger(right.type) {
      return left.type == right.type ? left.type : .int128
    }
    guard let a = width(left), let b = width(right) else { return nil }
    let scale = max(a.scale, b.scale)
    let whole = max(a.precision - a.scale, b.precision - b.scale)
    return .decimal(precision: min(precisionMax, whole + scale), scale: scale)
  }

  package static func isInteger(_ type: LogicalType) -> Bool { type == .int64 || type == .int128 }

  /// `+` and `-`: room for one digit more than the common type.
  package static func sum(_ left: BoundExpression, _ right: BoundExpression) -> LogicalType? {
    guard let type = commonNumeric(left, right) else { return nil }
    guard case .decimal(let precision, let scale) = type else { return type }
    return .decimal(precision: min(precisionMax, precision + 1), scale: scale)
  }

  /// `%`: the common type.
  package static func remainder(_ left: BoundExpression, _ right: BoundExpression) -> LogicalType? {
    commonNumeric(left, right)
  }

  /// The types of both factors and of the product. Precisions and scales add up; a product of
  /// narrow factors stays narrow while its scale allows, and overflow is then an error.
  ///
  /// - Throws: `invalidArgument` where the product would need a scale above 38.
  package static func product(
    _ left: BoundExpression, _ right: BoundExpression
  ) throws(TallyError) -> (left: LogicalType, right: LogicalType, result: LogicalType)? {
    guard left.type.isNumeric, right.type.isNumeric else { return nil }
    if left.type == .double || right.type == .double { return (.double, .double, .double) }
    if isInteger(left.type), isInteger(right.type) {
      let type: LogicalType = left.type == right.type ? left.type : .int128
      return (type, type, type)
    }
    guard let a = width(left), let b = width(right) else { return nil }
    let scale = a.scale + b.scale
    guard scale <= precisionMax else {
      throw TallyError(
        .invalidArgument,
        "a product of \(left.type) and \(right.type) needs \(scale) digits after the point, the "
          + "most is \(precisionMax)", hint: "round an operand or cast it to double")
    }
    var precision = a.precision + b.precision
    if precision > narrowPrecisionMax, max(a.precision, b.precision) <= narrowPrecisionMax,
      scale < narrowPrecisionMax
    {
      precision = narrowPrecisionMax
    }
    return (
      .decimal(precision: a.precision, scale: a.scale),
      .decimal(precision: b.precision, scale: b.scale),
      .decimal(precision: min(precisionMax, precision), scale: scale)
    )
  }

  /// Whether `CAST` is defined, whatever the value.
  package static func canCast(_ source: LogicalType, to target: LogicalType) -> Bool {
    if source == target || source == .null || (source.isText && target != .interval) {
      return true
    }
    switch target {
    case .text, .symbol: return source != .interval
    case .bool, .int64, .int128, .decimal, .double: return source.isNumeric || source == .bool
    case .timestamp, .date: return source == .timestamp || source == .date
    case .null, .interval: return false
    }
  }
}
