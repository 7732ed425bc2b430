package import TallyBase

/// Which of several rows of one event stays.
///
/// Rows are of one event if they have the same `org` (NULL equals NULL) and the same `event_id`,
/// which is not NULL, and their UTC days are at most 45 apart. Of two, the one with more tokens
/// stays, the later arrival if they have the same number.
package enum DuplicateRule {
  /// Days between rows that may be one event.
  package static let windowDayCount: Int32 = 45

  package static func isInWindow(_ left: Day, _ right: Day) -> Bool {
    // Days of stored rows span less than 2^18, so nothing overflows.
    abs(Int64(left.number) - Int64(right.number)) <= Int64(windowDayCount)
  }

  /// The days on which rows may be one event with rows of `days`.
  static func window(around days: ClosedRange<Day>) -> ClosedRange<Day> {
    let first = Int64(days.lowerBound.number) - Int64(windowDayCount)
    let last = Int64(days.upperBound.number) + Int64(windowDayCount)
    return Day(number: Int32(clamping: first))...Day(number: Int32(clamping: last))
  }

  /// Whether a row that arrives takes the place of one that is there.
  package static func replaces(tokenCount new: Int64, _ old: Int64) -> Bool { new >= old }
}
