package import TallyBase
package import TallyLanguage

/// Turns the time clause of a query into half-open bounds in UTC.
package struct TimeRangeBinder {
  private let nowMicroseconds: Int64

  package init(nowMicroseconds: Int64) { self.nowMicroseconds = nowMicroseconds }

  /// - Throws: `invalidArgument` on texts that name no time and on empty ranges.
  package func bind(_ range: TimeRange) throws(TallyError) -> TimeBounds {
    do {
      return try bounds(range.kind)
    } catch {
      throw error.located(at: range.span)
    }
  }

  /// The times of the query, this one among them, for which `range` has the same bounds.
  package func validTimes(of range: TimeRange) -> ClosedRange<Int64> {
    switch range.kind {
    case .last(_, let unit), .this(let unit), .previous(let unit): cell(unit)
    case .today, .yesterday: cell(.day)
    case .during(let text): validTimes(of: text)
    case .between(let since, let until):
      [since, until].compactMap { $0 }.map(validTimes(of:))
        .reduce(.always) { $0.clamped(to: $1) }
    }
  }

  private func validTimes(of text: String) -> ClosedRange<Int64> {
    switch TimeRangeBinder.name(text) {
    case "now": nowMicroseconds...nowMicroseconds
    case "today", "yesterday", "tomorrow": cell(.day)
    default: .always
    }
  }

  /// The unit of time that the query is in.
  private func cell(_ unit: TimeUnit) -> ClosedRange<Int64> {
    guard let bounds = try? unitBounds(unit, offset: 0), let start = bounds.start,
      let end = bounds.end, start < end
    else { return nowMicroseconds...nowMicroseconds }
    return start...(end &- 1)
  }

  private func bounds(_ kind: TimeRange.Kind) throws(TallyError) -> TimeBounds {
    switch kind {
    case .last(let count, let unit):
      guard count >= 1 else {
        throw TallyError(.invalidArgument, "LAST \(count) names no time, expected 1 or more")
      }
      let end = try shift(CalendarMath.truncate(nowMicroseconds, to: unit), 1, unit)
      return TimeBounds(start: try shift(end, -count, unit), end: end)
    case .today: return try unitBounds(.day, offset: 0)
    case .yesterday: return try unitBounds(.day, offset: -1)
    case .this(let unit): return try unitBounds(unit, offset: 0)
    case .previous(let unit): return try unitBounds(unit, offset: -1)
    case .during(let text): return try period(text)
    case .between(let since, let until):
      let start = try since.map { text throws(TallyError) in try period(text).start } ?? nil
      let end = try until.map { text throws(TallyError) in try period(text).start } ?? nil
      if let start, let end, end <= start {
        throw TallyError(
          .invalidArgument, "UNTIL '\(until ?? "")' is not after SINCE '\(since ?? "")'",
          hint: "the end itself is not part of the range")
      }
      return TimeBounds(start: start, end: end)
    }
  }

  /// The unit that contains the time of the query, moved by `offset` units.
  private func unitBounds(_ unit: TimeUnit, offset: Int) throws(TallyError) -> TimeBounds {
    let start = try shift(CalendarMath.truncate(nowMicroseconds, to: unit), offset, unit)
    return TimeBounds(start: start, end: try shift(start, 1, unit))
  }

  private func shift(_ time: Int64, _ count: Int, _ unit: TimeUnit) throws(TallyError) -> Int64 {
    let countMax = 1 << 31
    guard count.magnitude <= countMax,
      let moved = CalendarMath.add(Interval(count: count, unit: unit), to: time)
    else {
      throw TallyError(
        .invalidArgument, "\(count.magnitude) \(unit.rawValue)s leave the range of times")
    }
    return moved
  }

  // MARK: Texts

  /// The span of time a text names: a year, quarter, month, day, hour, minute or second, or one of
  /// `now`, `today`, `yesterday`, `tomorrow`.
  private func period(_ text: String) throws(TallyError) -> TimeBounds {
    switch TimeRangeBinder.name(text) {
    case "now": return TimeBounds(start: nowMicroseconds, end: nowMicroseconds &+ 1)
    case "today": return try unitBounds(.day, offset: 0)
    case "yesterday": return try unitBounds(.day, offset: -1)
    case "tomorrow": return try unitBounds(.day, offset: 1)
    default: break
    }
    guard let (start, unit) = parse(TimeRangeBinder.trimmed(text)) else {
      throw TallyError(
        .invalidArgument, "'\(text)' names no time",
        hint: "write '2026', '2026-Q1', '2026-01', '2026-01-31', '2026-01-31 10:00' or "
          + "'2026-01-31T10:00:00Z'")
    }
    return TimeBounds(start: start, end: try shift(start, 1, unit))
  }

  private static func trimmed(_ text: String) -> String {
    TextMath.trim(ByteString(text), left: true, right: true).string
  }

  private static func name(_ text: String) -> String { trimmed(text).lowercased() }

  private func parse(_ text: String) -> (start: Int64, unit: TimeUnit)? {
    let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    if let year = number(parts[0], digits: 4) {
      if parts.count == 1 { return start(year, month: 1, .year) }
      if let month = number(parts[1], digits: 2) { return start(year, month: month, .month) }
      let quarter = parts[1].lowercased()
      if quarter.hasPrefix("q"), let index = number(quarter.dropFirst(), digits: 1), index >= 1,
        index <= 4
      {
        return start(year, month: index * 3 - 2, .quarter)
      }
    }
    return parseTimestamp(text)
  }

  /// A date, an hour (`2026-01-31 10`) or any timestamp; the unit is the last one written.
  private func parseTimestamp(_ text: String) -> (start: Int64, unit: TimeUnit)? {
    let bytes = Array(text.utf8)
    guard let time = TimestampText.parse(text) else {
      guard bytes.count == 13, let time = TimestampText.parse(text + ":00") else { return nil }
      return (time, .hour)
    }
    if bytes.count == 10 { return (time, .day) }
    let clock = bytes.dropFirst(11)
    let colons = clock.prefix { $0 != 0x2B && $0 != 0x2D && $0 | 0x20 != 0x7A }.count { $0 == 0x3A }
    if colons == 1 { return (time, .minute) }
    return clock.contains(0x2E) || clock.contains(0x2C) ? (time, .microsecond) : (time, .second)
  }

  private func start(_ year: Int64, month: Int64, _ unit: TimeUnit) -> (Int64, TimeUnit)? {
    let date = CivilDate(year: year, month: month, dayOfMonth: 1)
    return date.isValid ? (date.day &* Day.microsecondsPerDay, unit) : nil
  }

  private func number(_ text: some StringProtocol, digits: Int) -> Int64? {
    text.utf8.count == digits && text.utf8.allSatisfy { $0 &- 0x30 <= 9 } ? Int64(text) : nil
  }
}

extension ClosedRange<Int64> {
  /// Every time.
  package static var always: ClosedRange<Int64> { Int64.min...Int64.max }
}
