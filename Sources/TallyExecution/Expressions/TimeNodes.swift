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
        unsafe target[row] = TimeBucket.floor(times[row], width: width)
      }
    case .datePart(let part):
      for row in 0..<rowCount { unsafe target[row] = CalendarPart.value(part, times[row]) }
    case .epochMilliseconds:
      for row in 0..<rowCount { unsafe target[row] = TimeBucket.floorDivide(times[row], 1_000) }
    case .epoch:
      for row in 0..<rowCount { unsafe result.doubles[row] = Double(times[row]) / 1_000_000 }
    default: throw TallyError(.internal, "'\(function)' is not a function of one time")
    }
    if source.type == .date {
      for row in 0..<rowCount { unsafe times[row] = TimeBucket.floorDivide(times[row], Day.microsecondsPerDay) }
    }
    return result
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
    default: unsafe floorAll(times, target, count) { CalendarPart.truncate($0, unit) }
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

/// Cutting times to fixed widths.
enum TimeBucket {
  /// 2000-01-03T00:00:00Z, a Monday, in microseconds.
  static let origin: Int64 = 946_857_600_000_000

  @inline(__always)
  static func floorDivide(_ time: Int64, _ width: Int64) -> Int64 {
    let quotient = time / width
    return quotient &- ((time &- quotient &* width) >> 63 & 1)
  }

  @inline(__always)
  static func floor(_ time: Int64, _ width: Int64) -> Int64 { floorDivide(time, width) &* width }

  /// Cut to a multiple of `width` since `origin`. `width` is positive.
  static func floor(_ time: Int64, width: Int64) -> Int64 {
    guard width > 0 else { return time }
    let shifted = time &- origin
    return floorDivide(shifted, width) &* width &+ origin
  }
}

/// Calendar fields and calendar truncation of UTC microseconds.
enum CalendarPart {
  static func truncate(_ time: Int64, _ unit: TimeUnit) -> Int64 {
    let day = TimeBucket.floorDivide(time, Day.microsecondsPerDay)
    switch unit {
    case .microsecond: return time
    case .millisecond: return TimeBucket.floor(time, 1_000)
    case .second: return TimeBucket.floor(time, 1_000_000)
    case .minute: return TimeBucket.floor(time, 60_000_000)
    case .hour: return TimeBucket.floor(time, 3_600_000_000)
    case .day: return day &* Day.microsecondsPerDay
    case .week:
      // 1970-01-01 was a Thursday, three days after a Monday.
      return (TimeBucket.floorDivide(day &+ 3, 7) &* 7 &- 3) &* Day.microsecondsPerDay
    case .month, .quarter, .year:
      var date = CivilDate(day: day)
      date.dayOfMonth = 1
      if unit == .year { date.month = 1 }
      if unit == .quarter { date.month = (date.month - 1) / 3 * 3 + 1 }
      return date.day &* Day.microsecondsPerDay
    }
  }

  static func value(_ part: DatePart, _ time: Int64) -> Int64 {
    let day = TimeBucket.floorDivide(time, Day.microsecondsPerDay)
    let inDay = time &- day &* Day.microsecondsPerDay
    switch part {
    case .hour: return inDay / 3_600_000_000
    case .minute: return inDay / 60_000_000 % 60
    case .second: return inDay / 1_000_000 % 60
    case .dayOfWeek: return TimeBucket.modulo(day &+ 4, 7)
    case .isoDayOfWeek: return TimeBucket.modulo(day &+ 3, 7) + 1
    case .epoch: return TimeBucket.floorDivide(time, 1_000_000)
    case .week: return isoWeek(day)
    case .year: return CivilDate(day: day).year
    case .quarter: return (CivilDate(day: day).month - 1) / 3 + 1
    case .month: return CivilDate(day: day).month
    case .day: return CivilDate(day: day).dayOfMonth
    case .dayOfYear:
      let year = CivilDate(day: day).year
      return day - CivilDate(year: year, month: 1, dayOfMonth: 1).day + 1
    }
  }

  /// ISO 8601 week number: that of the year the week's Thursday lies in.
  private static func isoWeek(_ day: Int64) -> Int64 {
    let thursday = day &- TimeBucket.modulo(day &+ 3, 7) &+ 3
    let year = CivilDate(day: thursday).year
    return (thursday - CivilDate(year: year, month: 1, dayOfMonth: 1).day) / 7 + 1
  }
}

extension TimeBucket {
  static func modulo(_ number: Int64, _ divisor: Int64) -> Int64 {
    number &- floorDivide(number, divisor) &* divisor
  }
}
