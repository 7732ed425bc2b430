extension TimeReader {
  /// The time of 1 to 19 digits without a sign; nil for anything else, and for what is out of
  /// range. Eight more bytes must be readable.
  @inline(__always)
  func ticks(_ start: UnsafePointer<UInt8>, count: Int) -> Int64? {
    guard count > 0, count <= 19, options.originMicroseconds == nil else { return nil }
    var value: UInt64 = 0
    var cursor = unsafe start
    var rest = count
    while rest > 0 {
      let width = min(rest, 8)
      let word = unsafe loadWord(cursor)
      guard nonDigitBytes(word) & lowBytesMask(width) == 0 else { return nil }
      // Nineteen digits are less than 2^64.
      value = value &* TimeReader.powers[width] &+ digitsValue(word, count: width)
      unsafe cursor += width
      rest &-= width
    }
    let (microseconds, overflowed) = scaled(value)
    guard !overflowed, microseconds < UInt64(TimeReader.microsecondsEnd) else { return nil }
    return Int64(microseconds)
  }

  private func scaled(_ value: UInt64) -> (partialValue: UInt64, overflow: Bool) {
    switch options.unit ?? TimeUnit(magnitudeOf: value) {
    case .seconds: value.multipliedReportingOverflow(by: 1_000_000)
    case .milliseconds: value.multipliedReportingOverflow(by: 1_000)
    case .microseconds: (value, false)
    case .nanoseconds: (value / 1_000, false)
    }
  }

  private static let powers: [UInt64] = [
    1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000,
  ]
}
