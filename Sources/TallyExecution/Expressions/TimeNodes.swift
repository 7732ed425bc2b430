internal import CTallyKernels
import TallyBase
import TallyLanguage
import TallyPlanning

/// Functions of one timestamp or date that yield a timestamp or an integer.
final class TimeNode: ExpressionNode {
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
    if truncateNarrow(source, batch.rowCount) { return result }
    let rowCount = NullMask.rowCount([source], batch, result: result)
    NullMask.combine([source], into: result, rowCount: rowCount)
    let times = unsafe source.int64s
    // Dates are days; everything below counts microseconds.
    if source.type == .date {
      for row in 0..<rowCount { unsafe times[row] = TimeNode.microseconds(ofDay: times[row]) }
    }
    let target = unsafe result.int64s
    switch function {
    case .dateTruncate(let unit): unsafe truncate(times, target, rowCount, unit)
    case .timeBucket(let width):
      for row in 0..<rowCount {
        unsafe target[row] = CalendarMath.bucket(times[row], widthMicroseconds: width)
      }
    case .datePart(let part):
      for row in 0..<rowCount { unsafe target[row] = CalendarMath.part(part, of: times[row]) }
    case .epochMilliseconds:
      for row in 0..<rowCount { unsafe target[row] = TimeBucket.floorDivide(times[row], 1_000) }
    case .epoch:
      for row in 0..<rowCount { unsafe result.doubles[row] = Double(times[row]) / 1_000_000 }
    default: throw TallyError(.internal, "'\(function)' is not a function of one time")
    }
    if source.type == .date {
      for row in 0..<rowCount {
        unsafe times[row] = TimeBucket.floorDivide(times[row], Day.microsecondsPerDay)
      }
    }
    return result
  }

  /// Cuts times in their 32-bit form to units of fixed length: the number of the unit is a
  /// division of small numbers, and the result has that form too. False if they are otherwise.
  private func truncateNarrow(_ source: Vector, _ rowCount: Int) -> Bool {
    guard let form = source.narrow, !source.hasNulls, source.type != .date, form.scale > 0,
      let width = fixedWidth, width % form.scale == 0,
      let divisor = UInt32(exactly: width / form.scale)
    else { return false }
    let base = TimeBucket.floor(form.base, width)
    let offset = form.base &- base
    guard offset % form.scale == 0 else { return false }
    result.reset()
    // SAFETY: both vectors hold a batch.
    unsafe tally_buckets32(
      source.narrowValues, rowCount, UInt32(truncatingIfNeeded: offset / form.scale), divisor,
      result.narrowValues)
    result.narrow = Vector.NarrowForm(base: base, scale: width)
    return true
  }

  /// Microseconds of the unit that times are cut to, when all such units are equally long.
  private var fixedWidth: Int64? {
    switch function {
    case .dateTruncate(.second): 1_000_000
    case .dateTruncate(.minute): 60_000_000
    case .dateTruncate(.hour): 3_600_000_000
    case .dateTruncate(.day): Day.microsecondsPerDay
    default: nil
    }
  }

  private static func microseconds(ofDay day: Int64) -> Int64 {
    day.multipliedReportingOverflow(by: Day.microsecondsPerDay).partialValue
  }

  private func truncate(
    _ times: UnsafeMutablePointer<Int64>, _ target: UnsafeMutablePointer<Int64>, _ count: Int,
    _ unit: TimeUnit
  ) {
    // Constant divisors: the compiler multiplies instead of dividing.
    switch unit {
    case .second: unsafe floorAll(times, target, count) { TimeBucket.floor($0, 1_000_000) }
    case .minute: unsafe floorAll(times, target, count) { TimeBucket.floor($0, 60_000_000) }
    case .hour: unsafe floorAll(times, target, count) { TimeBucket.floor($0, 3_600_000_000) }
    case .day: unsafe floorAll(times, target, count) { TimeBucket.floor($0, 86_400_000_000) }
    default: unsafe floorAll(times, target, count) { CalendarMath.truncate($0, to: unit) }
    }
  }

  @inline(__always)
  private func floorAll(
    _ times: UnsafeMutablePointer<Int64>, _ target: UnsafeMutablePointer<Int64>, _ count: Int,
    _ body: (Int64) -> Int64
  ) {
    for row in 0..<count { unsafe target[row] = body(times[row]) }
  }
}

/// Cutting times to a width known at compile time, where division becomes multiplication.
enum TimeBucket {
  @inline(__always)
  static func floorDivide(_ time: Int64, _ width: Int64) -> Int64 {
    let quotient = time / width
    return quotient &- ((time &- quotient &* width) >> 63 & 1)
  }

  @inline(__always)
  static func floor(_ time: Int64, _ width: Int64) -> Int64 { floorDivide(time, width) &* width }
}
