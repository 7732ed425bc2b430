/// Counts durations in buckets that are at most 0.8 % wide, from nanoseconds to centuries.
///
/// Durations below 128 ns have a bucket each; every doubling beyond has 64.
struct LatencyHistogram: Sendable {
  private static let bucketCount = 64 * 60
  private var counts = [Int](repeating: 0, count: bucketCount)
  private(set) var count = 0
  /// Exact.
  private(set) var longest: UInt64 = 0

  mutating func add(_ nanoseconds: UInt64) {
    counts[LatencyHistogram.index(nanoseconds)] += 1
    count += 1
    longest = max(longest, nanoseconds)
  }

  private static func index(_ value: UInt64) -> Int {
    let exponent = max(0, 57 - value.leadingZeroBitCount)
    return min(exponent * 64 + Int(truncatingIfNeeded: value >> UInt64(exponent)), bucketCount - 1)
  }

  /// The duration that a share of all is not longer than; 0 of none.
  func quantile(_ share: Double) -> UInt64 {
    let rank = max(1, Int((share * Double(count)).rounded(.up)))
    var seen = 0
    for (index, bucket) in counts.enumerated() {
      seen += bucket
      guard seen >= rank else { continue }
      let exponent = max(0, index / 64 - 1)
      let end = (UInt64(index - exponent * 64) &+ 1) << UInt64(exponent)
      return min(end &- 1, longest)
    }
    return 0
  }
}
