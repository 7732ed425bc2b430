/// Timestamps as text: RFC 3339 and the looser forms people and programs write.
///
/// Grammar, after optional blanks around the whole:
/// `YYYY-MM-DD [('T' | 't' | ' ') hh:mm [:ss [('.' | ',') digits]] [blank] [zone]]` with zone
/// `Z`, `z`, `UTC`, `+hh`, `+hhmm` or `+hh:mm` (either sign). No zone means UTC. Fractions
/// beyond microseconds are cut off. A leap second (`hh:59:60`) is the first second of the next
/// minute.
package enum TimestampText {
  /// Microseconds since the epoch in UTC, or nil if the bytes are not a timestamp.
  ///
  /// - Complexity: O(`bytes.count`), no allocation.
  package static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
    var reader = unsafe TimestampReader(bytes: bytes)
    reader.skipBlanks()
    guard let day = reader.date() else { return nil }
    var microseconds: Int64 = 0
    if reader.takesTimeSeparator() {
      guard let time = reader.timeOfDay(), let offset = reader.zoneOffset() else { return nil }
      microseconds = time &- offset
    }
    reader.skipBlanks()
    guard reader.isAtEnd else { return nil }
    // Years have four digits, so the product stays far inside Int64.
    return day &* Day.microsecondsPerDay &+ microseconds
  }

  /// Microseconds since the epoch in UTC, or nil if the text is not a timestamp.
  package static func parse(_ text: String) -> Int64? {
    var copy = text
    return copy.withUTF8 { bytes in unsafe parse(bytes) }
  }

  package static func parse(_ text: ByteString) -> Int64? {
    unsafe text.bytes.withUnsafeBufferPointer { bytes in unsafe parse(bytes) }
  }

  /// Days since the epoch of `YYYY-MM-DD`, or nil if the text is anything else.
  package static func parseDate(_ text: ByteString) -> Int64? {
    unsafe text.bytes.withUnsafeBufferPointer { bytes in
      var reader = unsafe TimestampReader(bytes: bytes)
      reader.skipBlanks()
      guard let day = reader.date() else { return nil }
      reader.skipBlanks()
      return reader.isAtEnd ? day : nil
    }
  }

  /// `YYYY-MM-DDThh:mm:ssZ`, with as many of six fraction digits as are needed.
  package static func format(_ microseconds: Int64) -> String {
    let (date, time) = parts(of: microseconds)
    return "\(date)T\(time)Z"
  }

  /// `YYYY-MM-DD hh:mm:ss`, with as many of six fraction digits as are needed: the form a cast
  /// to text yields.
  package static func formatPlain(_ microseconds: Int64) -> String {
    let (date, time) = parts(of: microseconds)
    return "\(date) \(time)"
  }

  private static func parts(of microseconds: Int64) -> (date: String, time: String) {
    let day = Int64(Day(containing: microseconds).number)
    let inDay = microseconds &- day &* Day.microsecondsPerDay
    let second = inDay / 1_000_000
    var time =
      twoDigits(second / 3_600) + ":" + twoDigits(second / 60 % 60) + ":" + twoDigits(second % 60)
    var fraction = inDay % 1_000_000
    if fraction != 0 {
      var digits = 6
      while fraction % 10 == 0 {
        fraction /= 10
        digits -= 1
      }
      let text = String(fraction)
      time += "." + String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    return (CivilDate(day: day).description, time)
  }

  private static func twoDigits(_ number: Int64) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}

/// A cursor over the bytes of one timestamp. Every read checks the end first.
@safe private struct TimestampReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0

  // SAFETY: the caller keeps `bytes` alive for the life of the reader, and every subscript is
  // guarded by a comparison with `bytes.count`.
  init(bytes: UnsafeBufferPointer<UInt8>) { unsafe self.bytes = bytes }

  var isAtEnd: Bool { unsafe position == bytes.count }

  private func peek() -> UInt8? {
    unsafe position < bytes.count ? bytes[position] : nil
  }

  mutating func skipBlanks() {
    while let byte = peek(), byte == 0x20 || byte == 0x09 { position &+= 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position &+= 1
    return true
  }

  /// Exactly `count` digits.
  private mutating func digits(_ count: Int) -> Int64? {
    guard unsafe position &+ count <= bytes.count else { return nil }
    var value: Int64 = 0
    for offset in 0..<count {
      let digit = unsafe bytes[position &+ offset] &- 0x30
      guard digit <= 9 else { return nil }
      value = value &* 10 &+ Int64(digit)
    }
    position &+= count
    return value
  }

  mutating func date() -> Int64? {
    guard let year = digits(4), take(0x2D), let month = digits(2), take(0x2D),
      let dayOfMonth = digits(2)
    else { return nil }
    let date = CivilDate(year: year, month: month, dayOfMonth: dayOfMonth)
    return date.isValid ? date.day : nil
  }

  /// Whether a time of day follows; takes the separator. Trailing blanks are none.
  mutating func takesTimeSeparator() -> Bool {
    if take(0x54) || take(0x74) { return true }
    let start = position
    skipBlanks()
    if position > start, let byte = peek(), byte &- 0x30 <= 9 { return true }
    position = start
    return false
  }

  /// Microseconds since midnight.
  mutating func timeOfDay() -> Int64? {
    guard let hour = digits(2), hour <= 23, take(0x3A), let minute = digits(2), minute <= 59
    else { return nil }
    var microseconds = (hour &* 60 &+ minute) &* 60_000_000
    guard take(0x3A) else { return microseconds }
    guard let second = digits(2), second <= 59 || (second == 60 && minute == 59)
    else { return nil }
    microseconds &+= second &* 1_000_000
    guard take(0x2E) || take(0x2C) else { return microseconds }
    return fraction().map { microseconds &+ $0 }
  }

  /// One or more digits after the point, as microseconds.
  private mutating func fraction() -> Int64? {
    var unit: Int64 = 100_000
    var microseconds: Int64 = 0
    let start = position
    while let byte = peek(), byte &- 0x30 <= 9 {
      microseconds &+= Int64(byte &- 0x30) &* unit
      unit /= 10
      position &+= 1
    }
    return position > start ? microseconds : nil
  }

  /// Microseconds east of UTC; 0 where no zone is written.
  mutating func zoneOffset() -> Int64? {
    skipBlanks()
    guard let byte = peek() else { return 0 }
    switch byte {
    case 0x5A, 0x7A:
      position &+= 1
      return 0
    case 0x55:
      return take(0x55) && take(0x54) && take(0x43) ? 0 : nil
    case 0x2B, 0x2D:
      position &+= 1
      guard let hours = digits(2), hours <= 23 else { return nil }
      var minutes: Int64 = 0
      if take(0x3A) || !isAtEnd {
        guard let written = digits(2), written <= 59 else { return nil }
        minutes = written
      }
      let offset = (hours &* 60 &+ minutes) &* 60_000_000
      return byte == 0x2D ? 0 &- offset : offset
    default:
      return nil
    }
  }
}
