import TallyBase

/// Reads event times and remembers the latest date, which most rows of a file share.
@safe struct TimeReader {
  /// First microsecond that no event may have: the year 2262, where 64-bit nanoseconds end.
  static let microsecondsEnd: Int64 =
    CivilDate(year: 2_262, month: 1, dayOfMonth: 1).day
    * Day.microsecondsPerDay

  let options: TimeOptions
  /// `YYYY-MM-` and `Y-MM-DDT`: two overlapping words name a date.
  private var dateLow: UInt64 = 0
  private var dateHigh: UInt64 = 0
  private var dateMicroseconds: Int64 = 0

  init(options: TimeOptions) { self.options = options }

  /// The time that `count` bytes at `start` spell: RFC 3339, its looser forms, or a number.
  /// Sixteen more bytes must be readable.
  ///
  /// - Parameter fieldUnit: the unit that the field's name implies for a number.
  mutating func time(
    _ start: UnsafePointer<UInt8>, count: Int, fieldUnit: TimeUnit?
  ) throws(RowProblem) -> Int64 {
    if let fast = unsafe canonical(start, count: count) { return fast }
    let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
    if let parsed = unsafe TimestampText.parse(bytes) { return try unsafe inRange(parsed, bytes) }
    return try unsafe number(bytes, fieldUnit: fieldUnit)
  }

  /// The time of a numeric field.
  func number(
    _ bytes: UnsafeBufferPointer<UInt8>, fieldUnit: TimeUnit?
  ) throws(RowProblem) -> Int64 {
    guard let number = unsafe Number(bytes, isStrict: false) else {
      throw unsafe RowProblem(
        "\(quoted(bytes)) is not a time; RFC 3339 or seconds, milliseconds, microseconds or "
          + "nanoseconds since 1970 was expected")
    }
    guard let ticks = number.scaled(by: 0, rounding: .towardZero) else {
      throw unsafe RowProblem("time \(quoted(bytes)) is out of range")
    }
    let unit =
      options.unit ?? fieldUnit
      ?? (options.originMicroseconds == nil
        ? TimeUnit(magnitudeOf: ticks.magnitude) : .milliseconds)
    guard let offset = number.scaled(by: unit.microsecondScale, rounding: .towardZero) else {
      throw unsafe RowProblem("time \(quoted(bytes)) is out of range")
    }
    let (sum, overflowed) = offset.addingReportingOverflow(options.originMicroseconds ?? 0)
    if overflowed { throw unsafe RowProblem("time \(quoted(bytes)) is out of range") }
    return try unsafe inRange(sum, bytes)
  }

  private func inRange(
    _ microseconds: Int64, _ bytes: UnsafeBufferPointer<UInt8>
  ) throws(RowProblem) -> Int64 {
    guard microseconds >= 0, microseconds < TimeReader.microsecondsEnd else {
      throw unsafe RowProblem(
        "time \(quoted(bytes)) is outside the years 1970 to 2261")
    }
    return microseconds
  }

  /// `YYYY-MM-DDThh:mm:ss[.f{1,6}]Z`, the form that programs write; nil for any other.
  @inline(__always)
  private mutating func canonical(_ start: UnsafePointer<UInt8>, count: Int) -> Int64? {
    guard count >= 20, count <= 30, unsafe start[count &- 1] == UInt8(ascii: "Z") else {
      return nil
    }
    // hh:mm:ss without its colons must be six digits.
    let clock = unsafe loadWord(start + 11)
    let colons: UInt64 = 0x0000_3A00_003A_0000
    let colonMask: UInt64 = 0x0000_FF00_00FF_0000
    let digitsOnly = clock & ~colonMask | 0x0000_3000_0030_0000
    guard clock & colonMask == colons, nonDigitBytes(digitsOnly) == 0 else { return nil }
    let digits = digitsOnly ^ 0x3030_3030_3030_3030
    let hour = (digits & 0xFF) &* 10 &+ (digits &>> 8 & 0xFF)
    let minute = (digits &>> 24 & 0xFF) &* 10 &+ (digits &>> 32 & 0xFF)
    let second = (digits &>> 48 & 0xFF) &* 10 &+ digits &>> 56
    guard hour < 24, minute < 60, second < 60 else { return nil }
    var fraction: UInt64 = 0
    if count > 20 {
      let digitCount = min(count &- 21, 6)
      guard digitCount > 0, unsafe start[19] == UInt8(ascii: "."), count &- 21 <= 6 else {
        return nil
      }
      let word = unsafe loadWord(start + 20)
      guard nonDigitBytes(word) & lowBytesMask(digitCount) == 0 else { return nil }
      // Digits behind the ones present read as zero.
      let padded =
        word & lowBytesMask(digitCount) | 0x3030_3030_3030_3030 & ~lowBytesMask(digitCount)
      fraction = digitsValue(padded, count: 6)
    }
    guard let day = unsafe date(start) else { return nil }
    let inDay = (hour &* 3_600 &+ minute &* 60 &+ second) &* 1_000_000 &+ fraction
    return day &+ Int64(truncatingIfNeeded: inDay)
  }

  /// Start of the day that `YYYY-MM-DDT` names; nil if it is none or out of range.
  @inline(__always)
  private mutating func date(_ start: UnsafePointer<UInt8>) -> Int64? {
    let low = unsafe loadWord(start)
    let high = unsafe loadWord(start + 3)
    if low == dateLow, high == dateHigh { return dateMicroseconds }
    guard unsafe start[10] | 0x20 == UInt8(ascii: "t") else { return nil }
    let bytes = unsafe UnsafeBufferPointer(start: start, count: 10)
    guard let microseconds = unsafe TimestampText.parse(bytes), microseconds >= 0,
      microseconds < TimeReader.microsecondsEnd
    else { return nil }
    dateLow = low
    dateHigh = high
    dateMicroseconds = microseconds
    return microseconds
  }
}

/// The start of an input value, quoted for a message.
func quoted(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
  let shown = unsafe String(decoding: bytes.prefix(60), as: UTF8.self)
  return "'\(shown)\(bytes.count > 60 ? "..." : "")'"
}
