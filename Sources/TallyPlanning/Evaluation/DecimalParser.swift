import TallyBase

/// Reads decimal text digit by digit, without a detour through binary floating point.
struct DecimalParser {
  private var bytes: ArraySlice<UInt8>
  private var digits: [UInt8] = []
  /// Digits after the point, exponent applied; may be negative.
  private var scale = 0

  init(_ text: ByteString) {
    bytes = TextMath.trim(text, left: true, right: true).bytes[...]
  }

  mutating func parse(scaleMax: Int) -> DecimalNumber? {
    let isNegative = takeSign()
    takeDigits()
    if bytes.first == UInt8(ascii: ".") {
      bytes.removeFirst()
      let before = digits.count
      takeDigits()
      scale = digits.count - before
    }
    guard !digits.isEmpty, takeExponent(), bytes.isEmpty else { return nil }
    return number(isNegative: isNegative, scaleMax: scaleMax)
  }

  private mutating func takeSign() -> Bool {
    guard let first = bytes.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
    else { return false }
    bytes.removeFirst()
    return first == UInt8(ascii: "-")
  }

  private mutating func takeDigits() {
    while let byte = bytes.first, byte &- 0x30 <= 9 {
      digits.append(byte &- 0x30)
      bytes.removeFirst()
    }
  }

  /// False if an exponent begins and is malformed.
  private mutating func takeExponent() -> Bool {
    guard bytes.first == UInt8(ascii: "e") || bytes.first == UInt8(ascii: "E") else {
      return true
    }
    bytes.removeFirst()
    let isNegative = takeSign()
    var exponent = 0
    var count = 0
    while let byte = bytes.first, byte &- 0x30 <= 9 {
      exponent = min(exponent * 10 + Int(byte &- 0x30), 100_000)
      count += 1
      bytes.removeFirst()
    }
    scale -= isNegative ? -exponent : exponent
    return count > 0
  }

  private func number(isNegative: Bool, scaleMax: Int) -> DecimalNumber? {
    let dropped = max(0, scale - scaleMax)
    var value: Int128 = 0
    for digit in digits.dropLast(dropped) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      guard !overflow else { return nil }
      value = product + Int128(digit)
      guard value < DecimalNumber.powersOfTen[DecimalNumber.precisionMax] else { return nil }
    }
    if dropped > 0, dropped <= digits.count, digits[digits.count - dropped] >= 5 { value += 1 }
    let kept = scale - dropped
    let signed = isNegative ? -value : value
    if kept >= 0 { return DecimalNumber(unscaled: signed, scale: kept) }
    if signed == 0 { return DecimalNumber(unscaled: 0, scale: 0) }
    guard let factor = DecimalNumber.powerOfTen(-kept) else { return nil }
    let (product, overflow) = signed.multipliedReportingOverflow(by: factor)
    return overflow ? nil : DecimalNumber(unscaled: product, scale: 0)
  }
}
