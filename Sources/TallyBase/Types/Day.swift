/// A UTC calendar day, counted from 1970-01-01. One partition holds one day.
package struct Day: Hashable, Comparable, Sendable {
  /// Days since 1970-01-01; negative before it.
  package var number: Int32

  package static let microsecondsPerDay: Int64 = 86_400_000_000

  package init(number: Int32) { self.number = number }

  /// The day that contains a time given in microseconds since the epoch.
  package init(containing microseconds: Int64) {
    let (quotient, remainder) = microseconds.quotientAndRemainder(
      dividingBy: Day.microsecondsPerDay)
    number = Int32(truncatingIfNeeded: remainder < 0 ? quotient - 1 : quotient)
  }

  /// First microsecond of the day.
  package var startMicroseconds: Int64 { Int64(number) * Day.microsecondsPerDay }
  /// First microsecond of the next day.
  package var endMicroseconds: Int64 { startMicroseconds + Day.microsecondsPerDay }

  package static func < (left: Day, right: Day) -> Bool { left.number < right.number }
}

extension Day: CustomStringConvertible {
  /// `YYYY-MM-DD`.
  package var description: String { CivilDate(day: Int64(number)).description }
}

extension Day {
  /// The day written as `description` writes it.
  package init?(text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
    guard parts.count == 3, let year = parts[0], let month = parts[1], let day = parts[2],
      (0...9_999).contains(year)
    else { return nil }
    let date = CivilDate(year: year, month: month, dayOfMonth: day)
    guard date.isValid, let number = Int32(exactly: date.day) else { return nil }
    self.init(number: number)
    if description != text { return nil }
  }
}
