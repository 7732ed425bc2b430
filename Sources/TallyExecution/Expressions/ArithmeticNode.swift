import TallyBase
import TallyPlanning

/// `+ - * / // %` and `pow` of two numbers. Overflow in a row that counts is an error; division by
/// zero is NULL.
final class ArithmeticNode: ExpressionNode {
  private let function: ScalarFunction
  private let left: ExpressionNode
  private let right: ExpressionNode
  private let result: Vector

  init(
    _ function: ScalarFunction, _ left: ExpressionNode, _ right: ExpressionNode, type: LogicalType
  ) {
    self.function = function
    self.left = left
    self.right = right
    result = Vector(type: type)
    super.init(type: type)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    let a = try left.evaluate(batch)
    let b = try right.evaluate(batch)
    let rowCount = NullMask.rowCount([a, b], batch, result: result)
    NullMask.combine([a, b], into: result, rowCount: rowCount)
    switch result.layout {
    case .double: try computeDoubles(a, b, rowCount)
    case .int64 where a.layout == .int64 && b.layout == .int64:
      unsafe try computeIntegers(a.int64s, b.int64s, result.int64s, rowCount)
    default:
      let x = Widening.int128s(a, rowCount: rowCount)
      let y = Widening.int128s(b, rowCount: rowCount)
      let wide =
        result.layout == .int128 ? result : Vector(type: .int128, capacity: max(rowCount, 1))
      unsafe try computeIntegers(x.int128s, y.int128s, wide.int128s, rowCount)
      try narrow(wide, rowCount)
    }
    return result
  }

  private func narrow(_ wide: Vector, _ rowCount: Int) throws(TallyError) {
    guard wide !== result else { return try checkPrecision(rowCount) }
    for row in 0..<rowCount where !result.isNull(row) {
      guard let number = Int64(exactly: unsafe wide.int128s[row]) else { throw overflow(row) }
      unsafe result.int64s[row] = number
    }
  }

  /// A decimal holds at most 38 digits, a little less than its 128 bits could.
  private func checkPrecision(_ rowCount: Int) throws(TallyError) {
    guard case .decimal = type else { return }
    for row in 0..<rowCount where !result.isNull(row) {
      if unsafe result.int128s[row].magnitude >= PowersOfTen.ten38 { throw overflow(row) }
    }
  }

  private func overflow(_ row: Int) -> TallyError {
    let name = "\(function)".split(separator: "(").first.map(String.init) ?? "arithmetic"
    return TallyError(
      .invalidArgument, "overflow of \(type) in '\(name)'",
      hint: "cast an operand to double, or aggregate before multiplying")
  }

  private func computeIntegers<Number: FixedWidthInteger & SignedInteger>(
    _ a: UnsafeMutablePointer<Number>, _ b: UnsafeMutablePointer<Number>,
    _ target: UnsafeMutablePointer<Number>, _ rowCount: Int
  ) throws(TallyError) {
    var failures: UInt8 = 0
    switch function {
    case .add: unsafe failures = loop(a, b, target, rowCount) { $0.addingReportingOverflow($1) }
    case .subtract:
      unsafe failures = loop(a, b, target, rowCount) { $0.subtractingReportingOverflow($1) }
    case .multiply:
      unsafe failures = loop(a, b, target, rowCount) { $0.multipliedReportingOverflow(by: $1) }
    case .integerDivide:
      unsafe markZeroDivisors(b, rowCount)
      unsafe failures = loop(a, b, target, rowCount) {
        $1 == 0 ? (0, false) : $0.dividedReportingOverflow(by: $1)
      }
    case .modulo:
      unsafe markZeroDivisors(b, rowCount)
      unsafe failures = loop(a, b, target, rowCount) {
        $1 == 0 || $1 == -1 ? (0, false) : ($0 % $1, false)
      }
    default: throw TallyError(.internal, "'\(function)' is not integer arithmetic")
    }
    if failures != 0 { unsafe try reportOverflow(a, b, rowCount) }
  }

  @inline(__always)
  private func loop<Number: FixedWidthInteger>(
    _ a: UnsafeMutablePointer<Number>, _ b: UnsafeMutablePointer<Number>,
    _ target: UnsafeMutablePointer<Number>, _ rowCount: Int,
    _ body: (Number, Number) -> (partialValue: Number, overflow: Bool)
  ) -> UInt8 {
    var failures: UInt8 = 0
    for row in 0..<rowCount {
      let (value, overflow) = unsafe body(a[row], b[row])
      unsafe target[row] = value
      failures |= overflow ? 1 : 0
    }
    return failures
  }

  private func markZeroDivisors<Number: FixedWidthInteger>(
    _ b: UnsafeMutablePointer<Number>, _ rowCount: Int
  ) {
    for row in 0..<rowCount where unsafe b[row] == 0 {
      result.prepareValidity(rowCount: max(rowCount, 1))
      unsafe result.validity[row] = 0
    }
  }

  /// Some row overflowed: an error unless it was NULL all along.
  private func reportOverflow<Number: FixedWidthInteger>(
    _ a: UnsafeMutablePointer<Number>, _ b: UnsafeMutablePointer<Number>, _ rowCount: Int
  ) throws(TallyError) {
    for row in 0..<rowCount where !result.isNull(row) {
      let (x, y) = unsafe (a[row], b[row])
      let failed =
        switch function {
        case .add: x.addingReportingOverflow(y).overflow
        case .subtract: x.subtractingReportingOverflow(y).overflow
        case .multiply: x.multipliedReportingOverflow(by: y).overflow
        case .integerDivide: y != 0 && x.dividedReportingOverflow(by: y).overflow
        default: false
        }
      if failed { throw overflow(row) }
    }
  }

  private func computeDoubles(_ a: Vector, _ b: Vector, _ rowCount: Int) throws(TallyError) {
    let (x, y, target) = unsafe (a.doubles, b.doubles, result.doubles)
    switch function {
    case .add: for row in 0..<rowCount { unsafe target[row] = x[row] + y[row] }
    case .subtract: for row in 0..<rowCount { unsafe target[row] = x[row] - y[row] }
    case .multiply: for row in 0..<rowCount { unsafe target[row] = x[row] * y[row] }
    case .divide, .integerDivide, .modulo: unsafe divide(x, y, target, rowCount)
    case .power: for row in 0..<rowCount { unsafe target[row] = MathFunction.power(x[row], y[row]) }
    default: throw TallyError(.internal, "'\(function)' is not double arithmetic")
    }
  }

  private func divide(
    _ x: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>,
    _ target: UnsafeMutablePointer<Double>, _ rowCount: Int
  ) {
    for row in 0..<rowCount {
      if unsafe y[row] == 0 {
        result.prepareValidity(rowCount: max(rowCount, 1))
        unsafe result.validity[row] = 0
        continue
      }
      switch function {
      case .modulo: unsafe target[row] = x[row].truncatingRemainder(dividingBy: y[row])
      case .integerDivide: unsafe target[row] = (x[row] / y[row]).rounded(.towardZero)
      default: unsafe target[row] = x[row] / y[row]
      }
    }
  }
}

/// Powers of ten as 128-bit integers.
enum PowersOfTen {
  static let ten38: UInt128 = 100_000_000_000_000_000_000_000_000_000_000_000_000

  /// Ten to the `exponent`, which is clamped to `0...38`.
  static func power(_ exponent: Int) -> Int128 {
    var result: Int128 = 1
    for _ in 0..<max(0, min(exponent, 38)) { result *= 10 }
    return result
  }
}
