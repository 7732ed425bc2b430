/// The fast paths for numbers as programs write them: a few digits, perhaps a point.
///
/// Whatever they decline is left to `Number`, so they never have to report an error.
@safe struct SmallNumbers: ~Copyable {
  // SAFETY: `powers` holds 10^0...10^18.
  let powers: UnsafeMutablePointer<Int64>

  init() {
    unsafe powers = .allocate(capacity: 19)
    var power: Int64 = 1
    for exponent in 0..<19 {
      unsafe (powers + exponent).initialize(to: power)
      if exponent < 18 { power *= 10 }
    }
  }

  deinit { unsafe powers.deallocate() }

  /// An integer of up to 15 digits; nil for anything else. Sixteen bytes must be readable.
  @inline(__always)
  borrowing func integer(
    _ start: UnsafePointer<UInt8>
  ) -> (value: Int64, end: UnsafePointer<UInt8>)? {
    let isNegative = unsafe start[0] == UInt8(ascii: "-")
    var cursor = unsafe isNegative ? start + 1 : start
    guard let value = unsafe digits(&cursor) else { return nil }
    return unsafe (isNegative ? 0 &- value : value, cursor)
  }

  /// Up to 15 digits without a needless leading zero.
  @inline(__always)
  private borrowing func digits(_ cursor: inout UnsafePointer<UInt8>) -> Int64? {
    let word = unsafe loadWord(cursor)
    let count = trailingByteCount(nonDigitBytes(word))
    guard count > 0 else { return nil }
    if count > 1, unsafe cursor[0] == UInt8(ascii: "0") { return nil }
    var value = Int64(truncatingIfNeeded: digitsValue(word, count: count))
    unsafe cursor += count
    if count == 8 {
      let more = unsafe loadWord(cursor)
      let moreCount = trailingByteCount(nonDigitBytes(more))
      guard moreCount < 8 else { return nil }
      if moreCount > 0 {
        value =
          unsafe value &* powers[moreCount]
          &+ Int64(truncatingIfNeeded: digitsValue(more, count: moreCount))
        unsafe cursor += moreCount
      }
    }
    return value
  }

  /// A number below 10^8 with at most `scale` (0...9) digits after the point, times ten to the
  /// `scale`; nil for anything else.
  @inline(__always)
  borrowing func decimal(
    _ start: UnsafePointer<UInt8>, scale: Int
  ) -> (value: Int64, end: UnsafePointer<UInt8>)? {
    guard scale >= 0, scale <= 9 else { return nil }
    let isNegative = unsafe start[0] == UInt8(ascii: "-")
    var cursor = unsafe isNegative ? start + 1 : start
    guard var value = unsafe digits(&cursor), value < 100_000_000 else { return nil }
    unsafe value &*= powers[scale]
    if unsafe cursor[0] == UInt8(ascii: ".") {
      let word = unsafe loadWord(cursor + 1)
      let count = trailingByteCount(nonDigitBytes(word))
      guard count > 0, count <= scale else { return nil }
      let fraction = Int64(truncatingIfNeeded: digitsValue(word, count: count))
      unsafe value &+= fraction &* powers[scale &- count]
      unsafe cursor += count &+ 1
      let ninth = unsafe cursor[0] &- UInt8(ascii: "0")
      if count == 8, scale == 9, ninth < 10 {
        value &+= Int64(ninth)
        unsafe cursor += 1
      }
    }
    return unsafe (isNegative ? 0 &- value : value, cursor)
  }
}
