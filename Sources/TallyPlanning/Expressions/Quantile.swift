#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ranks and interpolation of exact quantiles, bit for bit those of the oracle, so that every
/// engine behind the plan computes the same answer.
///
/// Ranks count from 0 over the sorted values that are not NULL; `quantile` is in 0...1 and
/// `count` at least 1.
package enum Quantile {
  /// The rank whose value `quantile_disc` yields: ceil(quantile * count) - 1, at least 0.
  ///
  /// A fraction like 0.07 is no double, and 0.07 * 100 would round up to rank 8; the product is
  /// therefore taken in integers, on the fraction's first 15 digits.
  package static func discreteRank(_ quantile: Double, count: Int) -> Int {
    let unit: Int128 = 1_000_000_000_000_000
    let scaled = Int128((min(max(quantile, 0), 1) * 1e15).rounded())
    let product = scaled * Int128(count)
    let rank = (product + unit - 1) / unit
    return max(1, min(count, Int(truncatingIfNeeded: rank))) - 1
  }

  /// Both neighbours of a continuous quantile and the share of the upper one. `lower == upper`
  /// where the rank is whole: the value there is the answer, untouched.
  package static func continuousRank(
    _ quantile: Double, count: Int
  ) -> (lower: Int, upper: Int, fraction: Double) {
    let rank = Double(count - 1) * min(max(quantile, 0), 1)
    let lower = rank.rounded(.down)
    let last = count - 1
    return (min(Int(lower), last), min(Int(rank.rounded(.up)), last), rank - lower)
  }

  /// Between two doubles, or two integers as doubles.
  package static func interpolate(_ low: Double, _ high: Double, fraction: Double) -> Double {
    (high * fraction).addingProduct(low, 1 - fraction)
  }

  /// Between two unscaled decimals: computed in doubles, then cut toward zero.
  package static func interpolateDecimal(
    _ low: Int128, _ high: Int128, fraction: Double
  ) -> Int128 {
    let base = Double(low)
    let value = base.addingProduct(Double(high) - base, fraction)
    // The result lies between both operands; the guard is for a double that rounds past them.
    return Int128(exactly: value.rounded(.towardZero)) ?? high
  }

  /// Between two timestamps: to the nearest microsecond, halves away from zero.
  package static func interpolateTimestamp(
    _ low: Int64, _ high: Int64, fraction: Double
  ) -> Int64 {
    let value = interpolate(Double(low), Double(high), fraction: fraction)
    return Int64(exactly: value.rounded(.toNearestOrAwayFromZero)) ?? high
  }
}
