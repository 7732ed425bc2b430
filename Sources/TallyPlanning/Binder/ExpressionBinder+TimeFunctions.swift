import TallyBase
import TallyLanguage

extension ExpressionBinder {
  /// Functions of times; nil if the name is none.
  mutating func bindTimeFunction(_ call: FunctionCall) throws(TallyError) -> BoundExpression? {
    guard ScalarNames.time.contains(call.name) else { return nil }
    switch call.name {
    case "now", "current_timestamp":
      try call.expect(0...0)
      let now = options.nowMicroseconds
      validTimes = validTimes.clamped(to: now...now)
      return .literal(.timestamp(now), .timestamp)
    case "today", "current_date":
      try call.expect(0...0)
      let day = CalendarMath.day(of: options.nowMicroseconds)
      let start = day &* Day.microsecondsPerDay
      validTimes = validTimes.clamped(to: start...(start &+ Day.microsecondsPerDay &- 1))
      return .literal(.date(day), .date)
    case "date_trunc", "datetrunc":
      try call.expect(2...2)
      let unit = try timeUnit(call, 0)
      return .call(.dateTruncate(unit), [try time(call, 1)], .timestamp)
    case "time_bucket":
      try call.expect(2...2)
      return try bindTimeBucket(call)
    case "date_part", "datepart":
      try call.expect(2...2)
      return try datePart(try call.literalText(0, "the part"), call, 1)
    case "date_diff", "datediff":
      try call.expect(3...3)
      let unit = try timeUnit(call, 0)
      return .call(.dateDifference(unit), [try time(call, 1), try time(call, 2)], .int64)
    case "strftime":
      try call.expect(2...2)
      return try bindFormat(try time(call, 0), try call.literalText(1, "the format"), call)
    default:
      try call.expect(1...1)
      return try bindUnaryTime(call)
    }
  }

  private func bindUnaryTime(_ call: FunctionCall) throws(TallyError) -> BoundExpression {
    switch call.name {
    case "epoch_ms": return .call(.epochMilliseconds, [try time(call, 0)], .int64)
    case "dayname": return try bindFormat(try time(call, 0), "%A", call)
    case "monthname": return try bindFormat(try time(call, 0), "%B", call)
    default: return try datePart(call.name, call, 0)
    }
  }

  private func time(_ call: FunctionCall, _ index: Int) throws(TallyError) -> BoundExpression {
    try argument(call.arguments[index], as: .timestamp, of: call.name)
  }

  private func bindFormat(
    _ time: BoundExpression, _ format: String, _ call: FunctionCall
  ) throws(TallyError) -> BoundExpression {
    do {
      _ = try TimeFormatter(format: ByteString(format))
    } catch {
      throw error.located(at: call.span)
    }
    return .call(.formatTime, [time, .literal(.text(ByteString(format)), .text)], .text)
  }

  private func timeUnit(_ call: FunctionCall, _ index: Int) throws(TallyError) -> TimeUnit {
    let text = try call.literalText(index, "the unit")
    let word = text.lowercased()
    let singular = word.hasSuffix("s") ? String(word.dropLast()) : word
    if let unit = TimeUnit(rawValue: word) ?? TimeUnit(rawValue: singular) { return unit }
    let near = Suggestion.nearest(to: word, among: TimeUnit.allCases.map(\.rawValue))
    throw TallyError(
      .binding, "unknown unit of time '\(text)'", span: call.arguments[index].span,
      hint: Suggestion.hint(near, quote: "'")
        ?? "units are second, minute, hour, day, week, month, quarter and year")
  }

  private static let parts: [String: DatePart] = [
    "year": .year, "years": .year, "quarter": .quarter, "month": .month, "months": .month,
    "week": .week, "weeks": .week, "weekofyear": .week, "day": .day, "days": .day,
    "dayofmonth": .day, "hour": .hour, "hours": .hour, "minute": .minute, "minutes": .minute,
    "second": .second, "seconds": .second, "dow": .dayOfWeek, "dayofweek": .dayOfWeek,
    "weekday": .dayOfWeek, "isodow": .isoDayOfWeek, "doy": .dayOfYear,
    "dayofyear": .dayOfYear,
  ]

  private func datePart(
    _ name: String, _ call: FunctionCall, _ index: Int
  ) throws(TallyError) -> BoundExpression {
    let word = name.lowercased()
    let operand = try time(call, index)
    if word == "epoch" { return .call(.epoch, [operand], .double) }
    guard let part = ExpressionBinder.parts[word] else {
      let near = Suggestion.nearest(to: word, among: ExpressionBinder.parts.keys.sorted())
      throw TallyError(
        .binding, "unknown part of time '\(name)'", span: call.arguments.first?.span,
        hint: Suggestion.hint(near, quote: "'"))
    }
    return .call(.datePart(part), [operand], .int64)
  }

  /// `time_bucket(interval, t)`. Months, quarters and years are calendar units.
  private func bindTimeBucket(_ call: FunctionCall) throws(TallyError) -> BoundExpression {
    let operand = try time(call, 1)
    let interval = try bucketInterval(call)
    if interval.months != 0 {
      let units: [Int64: TimeUnit] = [1: .month, 3: .quarter, 12: .year]
      guard interval.days == 0, interval.microseconds == 0, let unit = units[interval.months]
      else {
        throw TallyError(
          .unsupported, "time_bucket() of \(interval.months) months is not supported",
          span: call.arguments[0].span, hint: "1 month, 3 months and 1 year are")
      }
      return .call(.dateTruncate(unit), [operand], .timestamp)
    }
    let (days, overflow) = interval.days.multipliedReportingOverflow(by: Day.microsecondsPerDay)
    let (width, carried) = days.addingReportingOverflow(interval.microseconds)
    guard !overflow, !carried, width > 0 else {
      throw TallyError(
        .invalidArgument, "time_bucket() expects a width above zero",
        span: call.arguments[0].span)
    }
    return .call(.timeBucket(widthMicroseconds: width), [operand], .timestamp)
  }

  private func bucketInterval(_ call: FunctionCall) throws(TallyError) -> Interval {
    switch call.arguments[0].literalValue {
    case .interval(let interval): return interval
    case .text(let text):
      let literal = try? Parser.parseExpression("INTERVAL '\(text.string)'")
      if case .literal(.interval(let count, let unit)) = literal?.kind {
        return Interval(count: count, unit: unit)
      }
    default: break
    }
    throw TallyError(
      .binding, "time_bucket() expects an interval first", span: call.arguments[0].span,
      hint: "for example time_bucket('15 minutes', time)")
  }
}
