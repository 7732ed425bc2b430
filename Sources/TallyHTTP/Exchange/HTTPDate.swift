internal import Tally
internal import TallyBase

/// Times as HTTP writes them: `Thu, 10 Sep 2026 01:06:45 GMT`.
enum HTTPDate {
  private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  static var now: String { text(seconds: Timestamp.now.microsecondsSinceEpoch / 1_000_000) }

  /// - Parameter seconds: since 1970.
  static func text(seconds: Int64) -> String {
    let seconds = max(0, seconds)
    let day = seconds / 86_400
    let date = CivilDate(day: day)
    // The first of January 1970 was a Thursday.
    let name = days[Int(day % 7)]
    let month = months[Int((date.month &- 1) % 12)]
    let time = [seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60].map(twoDigits)
    return "\(name), \(twoDigits(date.dayOfMonth)) \(month) \(date.year) "
      + time.joined(separator: ":") + " GMT"
  }

  private static func twoDigits(_ number: Int64) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}
