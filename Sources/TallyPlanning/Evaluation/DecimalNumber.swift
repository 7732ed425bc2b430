package import TallyBase

/// A fixed-point number: `unscaled` divided by ten to the `scale`. Integers have scale 0.
package struct DecimalNumber: Hashable, Sendable {
  package var unscaled: Int128
  /// 0...38
  package var scale: Int

  package init(unscaled: Int128, scale: Int) {
    self.unscaled = unscaled
    self.scale = scale
  }

  /// Nil unless the value is an integer or a decimal.
  package init?(_ value: Value) {
    switch value {
    case .int(let number): self.init(unscaled: number, scale: 0)
    case .decimal(let unscaled, let scale): self.init(unscaled: unscaled, scale: scale)
    default: return nil
    }
  }

  /// Most digits a decimal has.
  package static let precisionMax = 38

  /// Ten to the power of 0...38.
  package static let powersOfTen: [Int128] = {
    var powers: [Int128] = [1]
    for _ in 0..<precisionMax { powers.append((powers.last ?? 1) * 10) }
    return powers
  }()

  /// Ten to the `exponent`, nil outside 0...38.
  package static func powerOfTen(_ exponent: Int) -> Int128? {
    powersOfTen.indices.contains(exponent) ? powersOfTen[exponent] : nil
  }

  /// The same number at another scale; digits that fall off are rounded half away from zero.
  /// Nil where the result leaves `Int128`.
  package func rescaled(to target: Int) -> DecimalNumber? {
    if target == scale { return self }
    if target > scale {
      guard let factor = DecimalNumber.powerOfTen(target - scale) else { return nil }
      let (product, overflow) = unscaled.multipliedReportingOverflow(by: factor)
      return overflow ? nil : DecimalNumber(unscaled: product, scale: target)
    }
    guard let divisor = DecimalNumber.powerOfTen(scale - target) else {
      return DecimalNumber(unscaled: 0, scale: target)
    }
    let rounded = DecimalNumber.divideRoundingHalfAway(unscaled, divisor)
    return DecimalNumber(unscaled: rounded, scale: target)
  }

  /// `divisor` is positive.
  package static func divideRoundingHalfAway(_ value: Int128, _ divisor: Int128) -> Int128 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    guard remainder.magnitude >= divisor.magnitude - remainder.magnitude else { return quotient }
    return value < 0 ? quotient - 1 : quotient + 1
  }

  /// Quotient rounded down; `divisor` is positive.
  package static func floorDivide(_ value: Int128, _ divisor: Int128) -> Int128 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// Negative, zero or positive; exact for every pair of scales.
  package func compare(_ other: DecimalNumber) -> Int {
    if scale < other.scale { return -other.compare(self) }
    // Compare whole parts first, so that nothing has to be scaled up beyond 38 digits.
    let unit = DecimalNumber.powersOfTen[min(scale - other.scale, DecimalNumber.precisionMax)]
    let whole = DecimalNumber.floorDivide(unscaled, unit)
    if whole != other.unscaled { return whole < other.unscaled ? -1 : 1 }
    return unscaled - whole * unit > 0 ? 1 : 0
  }

  /// The nearest double.
  package var double: Double {
    guard scale > 0 else { return Double(unscaled) }
    let divisor = DecimalNumber.powersOfTen[min(scale, DecimalNumber.precisionMax)]
    if unscaled.magnitude <= 1 << 53 { return Double(unscaled) / Double(divisor) }
    let (whole, rest) = unscaled.quotientAndRemainder(dividingBy: divisor)
    return Double(whole) + Double(rest) / Double(divisor)
  }

  /// All digits of the scale: `-0.050`.
  package var text: String {
    guard scale > 0 else { return String(unscaled) }
    var digits = String(unscaled.magnitude)
    if digits.count <= scale {
      digits = String(repeating: "0", count: scale + 1 - digits.count) + digits
    }
    let point = digits.index(digits.endIndex, offsetBy: -scale)
    return (unscaled < 0 ? "-" : "") + digits[..<point] + "." + digits[point...]
  }

  /// Parses `[+-]digits[.digits][e[+-]digits]` between blanks; nil if the text is anything else
  /// or leaves 38 digits. Digits beyond `scaleMax` are rounded half away from zero.
  package static func parse(_ text: ByteString, scaleMax: Int = precisionMax) -> DecimalNumber? {
    var parser = DecimalParser(text)
    return parser.parse(scaleMax: scaleMax)
  }
}
