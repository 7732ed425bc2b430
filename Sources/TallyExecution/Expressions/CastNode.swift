import TallyBase
import TallyPlanning

/// Conversions between numbers, and between timestamps and dates. Casts from and to text go
/// through `TextFunctionNode`.
final class CastNode: ExpressionNode {
  private let input: ExpressionNode
  private let result: Vector

  init(_ input: ExpressionNode, type: LogicalType) {
    self.input = input
    result = Vector(type: type)
    super.init(type: type)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    let source = try input.evaluate(batch)
    let rowCount = NullMask.rowCount([source], batch, result: result)
    NullMask.combine([source], into: result, rowCount: rowCount)
    switch (source.type, type) {
    case (.null, _): result.setAllNull()
    case (.timestamp, .date): divide(source, by: Day.microsecondsPerDay, rowCount)
    case (.date, .timestamp): try multiply(source, by: Day.microsecondsPerDay, rowCount)
    case (.double, .double): unsafe result.doubles.update(from: source.doubles, count: rowCount)
    case (.double, _): try fromDouble(source, rowCount)
    case (_, .double): toDouble(source, rowCount)
    case (_, .bool): toBool(source, rowCount)
    default: try rescale(source, rowCount)
    }
    return result
  }

  private func divide(_ source: Vector, by divisor: Int64, _ rowCount: Int) {
    for row in 0..<rowCount {
      let (quotient, remainder) = unsafe source.int64s[row].quotientAndRemainder(
        dividingBy: divisor)
      unsafe result.int64s[row] = remainder < 0 ? quotient - 1 : quotient
    }
  }

  private func multiply(_ source: Vector, by factor: Int64, _ rowCount: Int) throws(TallyError) {
    for row in 0..<rowCount where !result.isNull(row) {
      let (product, overflow) = unsafe source.int64s[row].multipliedReportingOverflow(by: factor)
      if overflow { throw outOfRange("\(unsafe source.int64s[row])") }
      unsafe result.int64s[row] = product
    }
  }

  private func toDouble(_ source: Vector, _ rowCount: Int) {
    let unit = Double(PowersOfTen.power(source.type.scale))
    switch source.layout {
    case .int64:
      for row in 0..<rowCount { unsafe result.doubles[row] = Double(source.int64s[row]) / unit }
    case .int128:
      for row in 0..<rowCount { unsafe result.doubles[row] = Double(source.int128s[row]) / unit }
    case .bool:
      for row in 0..<rowCount { unsafe result.doubles[row] = Double(source.bools[row]) }
    default: break
    }
  }

  private func toBool(_ source: Vector, _ rowCount: Int) {
    for row in 0..<rowCount {
      switch source.layout {
      case .int64: unsafe result.bools[row] = source.int64s[row] != 0 ? 1 : 0
      case .int128: unsafe result.bools[row] = source.int128s[row] != 0 ? 1 : 0
      case .double: unsafe result.bools[row] = source.doubles[row] != 0 ? 1 : 0
      default: unsafe result.bools[row] = source.bools[row]
      }
    }
  }

  private func fromDouble(_ source: Vector, _ rowCount: Int) throws(TallyError) {
    if type == .bool { return toBool(source, rowCount) }
    let unit = Double(PowersOfTen.power(type.scale))
    let isDecimal = if case .decimal = type { true } else { false }
    for row in 0..<rowCount where !result.isNull(row) {
      let number = unsafe source.doubles[row]
      let scaled = (number * unit).rounded(isDecimal ? .toNearestOrAwayFromZero : .toNearestOrEven)
      guard let whole = Int128(exactly: scaled) else { throw outOfRange("\(number)") }
      try store(whole, row)
    }
  }

  private func rescale(_ source: Vector, _ rowCount: Int) throws(TallyError) {
    let up = PowersOfTen.power(type.scale - source.type.scale)
    let down = PowersOfTen.power(source.type.scale - type.scale)
    if up == 1, down == 1, source.layout == .int64, result.layout == .int64 {
      unsafe result.int64s.update(from: source.int64s, count: rowCount)
      return try checkRange(rowCount)
    }
    for row in 0..<rowCount where !result.isNull(row) {
      let number: Int128 =
        switch source.layout {
        case .int64: unsafe Int128(source.int64s[row])
        case .int128: unsafe source.int128s[row]
        default: unsafe Int128(source.bools[row])
        }
      let (scaled, overflow) = number.multipliedReportingOverflow(by: up)
      if overflow { throw outOfRange("\(number)") }
      try store(down == 1 ? scaled : MathFunction.roundDivide(scaled, down), row)
    }
  }

  private func checkRange(_ rowCount: Int) throws(TallyError) {
    guard case .decimal(let precision, _) = type, precision < 18 else { return }
    for row in 0..<rowCount where !result.isNull(row) {
      try store(Int128(unsafe result.int64s[row]), row)
    }
  }

  private func store(_ number: Int128, _ row: Int) throws(TallyError) {
    if case .decimal(let precision, _) = type,
      number.magnitude >= UInt128(PowersOfTen.power(precision))
    {
      throw outOfRange("\(number)")
    }
    if result.layout == .int128 {
      unsafe result.int128s[row] = number
    } else if let narrow = Int64(exactly: number) {
      unsafe result.int64s[row] = narrow
    } else {
      throw outOfRange("\(number)")
    }
  }

  private func outOfRange(_ text: String) -> TallyError {
    TallyError(.invalidArgument, "value \(text) is out of range for \(type)")
  }
}
