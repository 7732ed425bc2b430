import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension ScalarEvaluator {
  /// Rounding and mathematics; nil if the function is another. No argument is NULL.
  static func numeric(
    _ function: ScalarFunction, _ type: LogicalType, _ arguments: [Value]
  ) throws(TallyError) -> Value? {
    guard let first = arguments.first else { return nil }
    switch function {
    case .absolute:
      return try absolute(first, type)
    case .sign:
      return sign(first)
    case .round(let digits):
      return try round(first, digits, type)
    case .floor, .ceiling:
      return floorOrCeiling(first, isFloor: function == .floor, type)
    case .power:
      guard arguments.count == 2, case .double(let base) = first,
        case .double(let exponent) = arguments[1]
      else { return nil }
      return .double(pow(base, exponent))
    case .squareRoot, .naturalLogarithm, .logarithm10, .exponential:
      guard case .double(let operand) = first else { return nil }
      return .double(mathematics(function, operand))
    default:
      return nil
    }
  }

  private static func mathematics(_ function: ScalarFunction, _ operand: Double) -> Double {
    switch function {
    case .squareRoot: operand.squareRoot()
    case .naturalLogarithm: log(operand)
    case .logarithm10: log10(operand)
    default: exp(operand)
    }
  }

  private static func absolute(_ value: Value, _ type: LogicalType) throws(TallyError) -> Value? {
    if case .double(let operand) = value { return .double(operand.magnitude) }
    guard let operand = DecimalNumber(value) else { return nil }
    guard operand.unscaled < 0 else { return value }
    return try arithmetic(.negate, type, [value])
  }

  private static func sign(_ value: Value) -> Value? {
    if case .double(let operand) = value { return .int(operand > 0 ? 1 : operand < 0 ? -1 : 0) }
    return DecimalNumber(value).map { .int($0.unscaled.signum()) }
  }

  /// Half away from zero. Negative `digits` round to tens, hundreds, ...
  private static func round(
    _ value: Value, _ digits: Int, _ type: LogicalType
  ) throws(TallyError) -> Value? {
    if case .double(let operand) = value { return .double(round(operand, digits)) }
    guard let operand = DecimalNumber(value) else { return nil }
    guard digits < operand.scale else { return value }
    guard let unit = DecimalNumber.powerOfTen(operand.scale - digits) else {
      return number(0, type)
    }
    let quotient = DecimalNumber.divideRoundingHalfAway(operand.unscaled, unit)
    let factor = DecimalNumber.powersOfTen[max(0, -digits)]
    let (result, overflowed) = quotient.multipliedReportingOverflow(by: factor)
    guard !overflowed, fits(result, type) else { throw overflow("rounding", type, operand.text) }
    return number(result, type)
  }

  private static func round(_ operand: Double, _ digits: Int) -> Double {
    let unit = pow(10, Double(min(abs(digits.clampedToThousand), 1_000)))
    if digits >= 0 {
      let result = (operand * unit).rounded(.toNearestOrAwayFromZero) / unit
      return result.isFinite ? result : operand
    }
    let result = (operand / unit).rounded(.toNearestOrAwayFromZero) * unit
    return result.isFinite ? result : 0
  }

  private static func floorOrCeiling(
    _ value: Value, isFloor: Bool, _ type: LogicalType
  ) -> Value? {
    if case .double(let operand) = value {
      return .double(operand.rounded(isFloor ? .down : .up))
    }
    guard let operand = DecimalNumber(value) else { return nil }
    let unit = DecimalNumber.powersOfTen[min(operand.scale, DecimalNumber.precisionMax)]
    let floor = DecimalNumber.floorDivide(operand.unscaled, unit)
    let isWhole = floor * unit == operand.unscaled
    return number(isFloor || isWhole ? floor : floor + 1, type)
  }
}

extension Int {
  fileprivate var clampedToThousand: Int { Swift.min(Swift.max(self, -1_000), 1_000) }
}
