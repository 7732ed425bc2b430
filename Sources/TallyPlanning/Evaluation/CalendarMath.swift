package import TallyBase
package import TallyLanguage

/// Calendar arithmetic on UTC microseconds. Every operation is total: times near the ends of
/// `Int64` give some time near there, never a trap.
package enum CalendarMath {
  package static let microsecondsPerSecond: Int64 = 1_000_000
  package static let microsecondsPerMinute: Int64 = 60_000_000
  package static let microsecondsPerHour: Int64 = 3_600_000_000

  /// The length of a unit that has a fixed one; nil for month, quarter and year.
  package static func fixedMicroseconds(_ unit: TimeUnit) -> Int64? {
    switch unit {
    case .microsecond: 1
    case .millisecond: 1_000
    case .second: microsecondsPerSecond
    case .minute: microsecondsPerMinute
    case .hour: microsecondsPerHour
    case .day: Day.microsecondsPerDay
    case .week: 7 * Day.microsecondsPerDay
    case .month, .quarter, .year: nil
    }
  }

  /// Quotient rounded down; `divisor` is positive.
  package static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient &- 1 : quotient
  }

  /// Days since the epoch of the UTC day that contains `time`.
  package static func day(of time: Int64) -> Int64 {
    floorDivide(time, Day.microsecondsPerDay)
  }

  /// `time` cut to the start of its unit. Weeks start on Monday.
  package static func truncate(_ time: Int64, to unit: TimeUnit) -> Int64 {
    switch unit {
    case .microsecond, .millisecond, .second, .minute, .hour, .day:
      let width = fixedMicroseconds(unit) ?? 1
      return floorDivide(time, width) &* width
    case .week, .month, .quarter, .year:
      return truncateDay(day(of: time), to: unit) &* Day.microsecondsPerDay
    }
  }

  private static func truncateDay(_ day: Int64, to unit: TimeUnit) -> Int64 {
    if unit == .week { return day &- floorModulo(day &+ 3, 7) }
    var date = CivilDate(day: day)
    date.dayOfMonth = 1
    if unit == .quarter { date.month = (date.month - 1) / 3 * 3 + 1 }
    if unit == .year { date.month = 1 }
    return date.day
  }

  /// Remainder with the sign of the divisor, which is positive.
  package static func floorModulo(_ value: Int64, _ divisor: Int64) -> Int64 {
    let remainder = value % divisor
    return remainder < 0 ? remainder &+ divisor : remainder
  }

  /// `time` cut to a multiple of `width` microseconds since 2000-01-03T00:00:00Z, a Monday.
  package static func bucket(_ time: Int64, widthMicroseconds width: Int64) -> Int64 {
    let origin = bucketOriginMicroseconds
    return floorDivide(time &- origin, width) &* width &+ origin
  }

  package static let bucketOriginMicroseconds: Int64 = 946_857_600_000_000

  /// `time` moved by an interval: months first (the day of month is clamped to the month's
  /// last), then days, then microseconds. Nil where the result leaves `Int64`.
  package static func add(_ interval: Interval, to time: Int64) -> Int64? {
    var moved = time
    if interval.months != 0 {
      let start = day(of: time)
      guard let shifted = addMonths(interval.months, toDay: start) else { return nil }
      let inDay = time &- start &* Day.microsecondsPerDay
      let (product, overflow) = shifted.multipliedReportingOverflow(by: Day.microsecondsPerDay)
      guard !overflow else { return nil }
      let (sum, carried) = product.addingReportingOverflow(inDay)
      guard !carried else { return nil }
      moved = sum
    }
    let (days, overflow) = interval.days.multipliedReportingOverflow(by: Day.microsecondsPerDay)
    guard !overflow else { return nil }
    let (byDays, carriedDays) = moved.addingReportingOverflow(days)
    let (result, carried) = byDays.addingReportingOverflow(interval.microseconds)
    return carriedDays || carried ? nil : result
  }

  private static func addMonths(_ months: Int64, toDay day: Int64) -> Int64? {
    // Beyond this the result could not be a time in microseconds anyway.
    guard abs(months.clamped(to: -10_000_000...10_000_000)) < 10_000_000 else { return nil }
    var date = CivilDate(day: day)
    let total = date.year * 12 + (date.month - 1) + months
    date.year = floorDivide(total, 12)
    date.month = floorModulo(total, 12) + 1
    let last = CivilDate.daysInMonth(year: date.year, month: date.month)
    date.dayOfMonth = min(date.dayOfMonth, last)
    return date.day
  }

  /// Number of unit boundaries passed between two times, for weeks that of whole weeks between
  /// their dates; negative if `end` comes first.
  package static func difference(_ unit: TimeUnit, _ start: Int64, _ end: Int64) -> Int64 {
    switch unit {
    case .microsecond, .millisecond, .second, .minute, .hour, .day:
      let width = fixedMicroseconds(unit) ?? 1
      return floorDivide(end, width) &- floorDivide(start, width)
    case .week:
      // The oracle counts whole weeks between the dates here, not Mondays passed.
      return (day(of: end) &- day(of: start)) / 7
    case .month, .quarter, .year:
      return ordinal(unit, end) &- ordinal(unit, start)
    }
  }

  /// Months, quarters or years since year 0.
  private static func ordinal(_ unit: TimeUnit, _ time: Int64) -> Int64 {
    let date = CivilDate(day: day(of: time))
    switch unit {
    case .month: return date.year * 12 + date.month - 1
    case .quarter: return date.year * 4 + (date.month - 1) / 3
    default: return date.year
    }
  }

  /// A field of a time, in UTC. `epoch` is in whole seconds, rounded down.
  package static func part(_ part: DatePart, of time: Int64) -> Int64 {
    let day = day(of: time)
    let inDay = time &- day &* Day.microsecondsPerDay
    switch part {
    case .hour: return inDay / microsecondsPerHour
    case .minute: return inDay / microsecondsPerMinute % 60
    case .second: return inDay / microsecondsPerSecond % 60
    case .dayOfWeek: return floorModulo(day &+ 4, 7)
    case .isoDayOfWeek: return floorModulo(day &+ 3, 7) + 1
    case .week: return isoWeek(day: day).week
    case .epoch: return floorDivide(time, microsecondsPerSecond)
    case .year, .quarter, .month, .day, .dayOfYear: return datePart(part, CivilDate(day: day))
    }
  }

  private static func datePart(_ part: DatePart, _ date: CivilDate) -> Int64 {
    switch part {
    case .quarter: (date.month - 1) / 3 + 1
    case .month: date.month
    case .day: date.dayOfMonth
    case .dayOfYear: date.day - CivilDate(year: date.year, month: 1, dayOfMonth: 1).day + 1
    default: date.year
    }
  }

  /// ISO 8601 week number and the year it belongs to: that of the week's Thursday.
  package static func isoWeek(day: Int64) -> (year: Int64, week: Int64) {
    let thursday = day &- floorModulo(day &+ 3, 7) &+ 3
    let date = CivilDate(day: thursday)
    let firstDay = CivilDate(year: date.year, month: 1, dayOfMonth: 1).day
    return (date.year, (thursday &- firstDay) / 7 + 1)
  }
}

extension Int64 {
  fileprivate func clamped(to range: ClosedRange<Int64>) -> Int64 {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}
