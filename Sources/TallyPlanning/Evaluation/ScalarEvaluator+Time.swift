import TallyBase

extension ScalarEvaluator {
  /// Time functions; nil if the function is another. No argument is NULL.
  static func time(_ function: ScalarFunction, _ arguments: [Value]) throws(TallyError) -> Value? {
    guard let first = arguments.first, let time = microseconds(first) else { return nil }
    switch function {
    case .dateTruncate(let unit):
      return .timestamp(CalendarMath.truncate(time, to: unit))
    case .timeBucket(let width):
      return .timestamp(CalendarMath.bucket(time, widthMicroseconds: max(1, width)))
    case .datePart(let part):
      return .int(Int128(CalendarMath.part(part, of: time)))
    case .epoch:
      return .double(Double(time) / 1e6)
    case .epochMilliseconds:
      return .int(Int128(CalendarMath.floorDivide(time, 1_000)))
    case .addInterval:
      return try addInterval(time, arguments.dropFirst().first)
    case .dateDifference(let unit):
      guard let end = arguments.dropFirst().first.flatMap(microseconds) else { return nil }
      return .int(Int128(CalendarMath.difference(unit, time, end)))
    case .formatTime:
      guard case .text(let format) = arguments.dropFirst().first else { return nil }
      return .text(try TimeFormatter(format: format).format(time))
    default:
      return nil
    }
  }

  private static func addInterval(_ time: Int64, _ value: Value?) throws(TallyError) -> Value? {
    guard case .interval(let interval) = value else { return nil }
    guard let moved = CalendarMath.add(interval, to: time) else {
      throw overflow("addition", .timestamp, "\(TimestampText.formatPlain(time)) and an interval")
    }
    return .timestamp(moved)
  }

  /// A timestamp, or the first microsecond of a date.
  private static func microseconds(_ value: Value) -> Int64? {
    switch value {
    case .timestamp(let time): time
    case .date(let day): day &* Day.microsecondsPerDay
    default: nil
    }
  }
}
