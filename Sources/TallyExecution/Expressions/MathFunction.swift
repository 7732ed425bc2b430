import TallyBase
import TallyPlanning

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Mathematical functions of doubles.
enum MathFunction {
  static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
}

/// A function of one number.
final class UnaryMathNode: ExpressionNode {
  private let function: ScalarFunction
  private let input: ExpressionNode
  private let result: Vector

  init(_ function: ScalarFunction, _ input: ExpressionNode, type: LogicalType) {
    self.function = function
    self.input = input
    result = Vector(type: type)
    super.init(type: type)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    let source = try input.evaluate(batch)
    let rowCount = NullMask.rowCount([source], batch, result: result)
    NullMask.combine([source], into: result, rowCount: rowCount)
    switch source.layout {
    case .double: try computeDoubles(source, rowCount)
    case .int64, .int128: try computeIntegers(source, rowCount)
    default: throw TallyError(.internal, "'\(function)' of \(source.type)")
    }
    return result
  }

  private func computeDoubles(_ source: Vector, _ rowCount: Int) throws(TallyError) {
    let values = unsafe source.doubles
    for row in 0..<rowCount where !result.isNull(row) {
      let x = unsafe values[row]
      let y: Double
      switch function {
      case .negate: y = -x
      case .absolute: y = abs(x)
      case .floor: y = x.rounded(.down)
      case .ceiling: y = x.rounded(.up)
      case .squareRoot, .naturalLogarithm, .logarithm10: y = try domainChecked(x)
      case .exponential: y = exp(x)
      case .round(let digits): y = MathFunction.round(x, digits: digits)
      case .sign:
        unsafe result.int64s[row] = x > 0 ? 1 : (x < 0 ? -1 : 0)
        continue
      default: throw TallyError(.internal, "'\(function)' of a double")
      }
      unsafe result.doubles[row] = y
    }
  }

  private func domainChecked(_ x: Double) throws(TallyError) -> Double {
    let isRoot = function == .squareRoot
    if x < 0 || (x == 0 && !isRoot) {
      throw TallyError(
        .invalidArgument, "cannot take the \(isRoot ? "square root" : "logarithm") of \(x)",
        hint: "guard it with CASE or nullif")
    }
    if isRoot { return x.squareRoot() }
    return function == .naturalLogarithm ? log(x) : log10(x)
  }

  private func computeIntegers(_ source: Vector, _ rowCount: Int) throws(TallyError) {
    let wide = Widening.int128s(source, rowCount: rowCount)
    let unit = PowersOfTen.power(source.type.scale - type.scale)
    for row in 0..<rowCount where !result.isNull(row) {
      let x = unsafe wide.int128s[row]
      let y: Int128
      switch function {
      case .negate: y = 0 &- x
      case .absolute: y = x < 0 ? 0 &- x : x
      case .floor: y = MathFunction.floorDivide(x, unit)
      case .ceiling: y = 0 &- MathFunction.floorDivide(0 &- x, unit)
      case .round(let digits): y = roundInteger(x, digits, unit, source.type)
      case .sign: y = x.signum()
      default: throw TallyError(.internal, "'\(function)' of \(source.type)")
      }
      try store(y, row)
    }
  }

  private func roundInteger(
    _ x: Int128, _ digits: Int, _ unit: Int128, _ source: LogicalType
  ) -> Int128 {
    if digits >= 0 { return MathFunction.roundDivide(x, unit) }
    // round(1234, -2): to hundreds.
    let coarse = PowersOfTen.power(min(-digits, 30)) &* unit
    return MathFunction.roundDivide(x, coarse) &* PowersOfTen.power(min(-digits, 30))
  }

  private func store(_ number: Int128, _ row: Int) throws(TallyError) {
    if result.layout == .int128 {
      unsafe result.int128s[row] = number
      return
    }
    guard let narrow = Int64(exactly: number) else {
      throw TallyError(.invalidArgument, "overflow of \(type) in '\(function)'")
    }
    unsafe result.int64s[row] = narrow
  }
}

extension MathFunction {
  /// Quotient toward negative infinity; `divisor` is positive.
  static func floorDivide(_ x: Int128, _ divisor: Int128) -> Int128 {
    let (quotient, remainder) = x.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// Quotient rounded half away from zero; `divisor` is positive.
  static func roundDivide(_ x: Int128, _ divisor: Int128) -> Int128 {
    let (quotient, remainder) = x.quotientAndRemainder(dividingBy: divisor)
    let isUp = remainder.magnitude * 2 >= divisor.magnitude
    return isUp ? quotient + (x < 0 ? -1 : 1) : quotient
  }

  static func round(_ x: Double, digits: Int) -> Double {
    guard digits != 0 else { return x.rounded(.toNearestOrAwayFromZero) }
    let factor = pow(10, Double(abs(digits)))
    if digits < 0 { return (x / factor).rounded(.toNearestOrAwayFromZero) * factor }
    let scaled = (x * factor).rounded(.toNearestOrAwayFromZero) / factor
    return scaled.isFinite ? scaled : x
  }
}
