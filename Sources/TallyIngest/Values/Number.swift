import TallyBase

/// A number as text, taken apart: sign, digits and the place of the point.
///
/// One slow, exact path for everything that the scanners' fast paths hand over: exponents, more
/// digits than a column keeps, integers written as `12.0`.
struct Number {
  private(set) var isNegative = false
  /// Significant digits, 0...9 each, without leading zeros.
  private var digits: [UInt8] = []
  /// The number is `digits` times ten to this power.
  private var exponent = 0
  /// Whether the text is an integer literal: digits only.
  private(set) var isIntegerLiteral = true

  /// How digits beyond the kept ones are treated.
  enum Rounding {
    case halfToEven, towardZero
    /// Digits lost must all be zero.
    case exact
  }

  /// A JSON number: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`. A leading `+`, leading
  /// zeros, `.5` and `5.` pass only if `isStrict` is false. Nil if `text` is not one.
  init?(_ text: UnsafeBufferPointer<UInt8>, isStrict: Bool) {
    var index = 0
    func byte(_ index: Int) -> UInt8 { unsafe index < text.count ? text[index] : 0 }
    if byte(index) == UInt8(ascii: "-") || (!isStrict && byte(index) == UInt8(ascii: "+")) {
      isNegative = byte(index) == UInt8(ascii: "-")
      index += 1
    }
    let integerStart = index
    while Number.isDigit(byte(index)) {
      append(byte(index))
      index += 1
    }
    var digitCount = index - integerStart
    if isStrict, digitCount == 0 { return nil }
    if isStrict, digitCount > 1, byte(integerStart) == UInt8(ascii: "0") { return nil }
    if byte(index) == UInt8(ascii: ".") {
      isIntegerLiteral = false
      index += 1
      let fractionStart = index
      while Number.isDigit(byte(index)) {
        append(byte(index))
        exponent -= 1
        index += 1
      }
      if isStrict, index == fractionStart { return nil }
      digitCount += index - fractionStart
    }
    if digitCount == 0 { return nil }
    if byte(index) | 0x20 == UInt8(ascii: "e") {
      isIntegerLiteral = false
      index += 1
      var isNegativeExponent = false
      if byte(index) == UInt8(ascii: "-") || byte(index) == UInt8(ascii: "+") {
        isNegativeExponent = byte(index) == UInt8(ascii: "-")
        index += 1
      }
      guard Number.isDigit(byte(index)) else { return nil }
      var written = 0
      while Number.isDigit(byte(index)) {
        // Any exponent beyond a million means overflow or zero alike.
        written = min(written * 10 + Int(byte(index) - UInt8(ascii: "0")), 10_000_000)
        index += 1
      }
      exponent += isNegativeExponent ? -written : written
    }
    if index != text.count { return nil }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10
  }

  private mutating func append(_ digit: UInt8) {
    if digits.isEmpty, digit == UInt8(ascii: "0") { return }
    digits.append(digit - UInt8(ascii: "0"))
  }

  /// The number times ten to the `scale`, as an integer. Nil if it does not fit or, with
  /// `.exact`, if digits would be lost.
  func scaled(by scale: Int, rounding: Rounding) -> Int64? {
    let keptCount = digits.count + exponent + scale
    if digits.isEmpty { return 0 }
    if keptCount > 19 { return nil }
    var magnitude: UInt64 = 0
    for index in 0..<max(keptCount, 0) {
      let digit = index < digits.count ? digits[index] : 0
      let (product, overflowed) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, overflowedSum) = product.addingReportingOverflow(UInt64(digit))
      if overflowed || overflowedSum { return nil }
      magnitude = sum
    }
    switch rounding {
    case .towardZero: break
    case .exact: if hasNonZeroDigit(from: keptCount) { return nil }
    case .halfToEven:
      if roundsUp(keptCount: keptCount, isOdd: magnitude & 1 == 1) { magnitude &+= 1 }
    }
    let limit = UInt64(Int64.max) + (isNegative ? 1 : 0)
    guard magnitude <= limit else { return nil }
    return isNegative ? Int64(truncatingIfNeeded: 0 &- magnitude) : Int64(magnitude)
  }

  private func hasNonZeroDigit(from index: Int) -> Bool {
    index < digits.count && digits[max(index, 0)...].contains { $0 != 0 }
  }

  /// Whether the digits from `keptCount` on amount to more than a half, or to one half exactly
  /// with an odd digit before them.
  private func roundsUp(keptCount: Int, isOdd: Bool) -> Bool {
    guard keptCount >= 0, keptCount < digits.count else { return false }
    let first = digits[keptCount]
    if first != 5 { return first > 5 }
    return isOdd || hasNonZeroDigit(from: keptCount + 1)
  }
}
