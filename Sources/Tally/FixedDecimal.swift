/// An exact decimal number: `unscaled` divided by ten to the `scale`.
///
/// Costs are decimals of scale 9 (nano-dollars), latencies of scale 3. Sums are exact.
public struct FixedDecimal: Hashable, Sendable {
  /// The number without its point.
  public var unscaled: Int128
  /// Digits after the point, `0...38`.
  public var scale: Int

  /// A decimal; `scale` is clamped to `0...38`.
  public init(unscaled: Int128, scale: Int) {
    self.unscaled = unscaled
    self.scale = min(max(scale, 0), 38)
  }

  /// The nearest double.
  public var doubleValue: Double {
    var unit = 1.0
    for _ in 0..<scale { unit *= 10 }
    return Double(unscaled) / unit
  }
}

extension FixedDecimal: CustomStringConvertible {
  /// All digits, such as `-12.500000000`.
  public var description: String {
    guard scale > 0 else { return String(unscaled) }
    var digits = String(unscaled.magnitude)
    if digits.count <= scale {
      digits = String(repeating: "0", count: scale + 1 - digits.count) + digits
    }
    let point = digits.index(digits.endIndex, offsetBy: -scale)
    return (unscaled < 0 ? "-" : "") + digits[..<point] + "." + digits[point...]
  }
}
