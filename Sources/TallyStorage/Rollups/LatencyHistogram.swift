/// How often numbers of which size occurred, in buckets that are the same everywhere, so that
/// histograms of parts add up to that of the whole.
///
/// A bucket is one of 64 equal parts of a power of two (as in DDSketch and HdrHistogram, with the
/// logarithm taken linearly between powers): numbers below 128 have one of their own, any other is
/// at most 0.8 % away from its bucket's representative. Negative numbers mirror positive ones.
/// Buckets ascend with their numbers.
package struct LatencyHistogram: Hashable, Sendable {
  /// Number of the first bucket of `counts`.
  private(set) var firstBucket = 0
  /// How often each bucket occurs; neither the first nor the last is 0.
  private(set) var counts: [UInt64] = []
  /// How many numbers there are.
  package private(set) var totalCount: UInt64 = 0

  package init() {}

  /// Buckets of 2^63, the largest magnitude: all lie in -bucketMax...bucketMax.
  package static let bucketMax = 128 + (63 - 7) * 64

  /// Two numbers are told apart if they differ by more than this share of the greater.
  package static let relativeErrorMax = 1.0 / 128

  /// The bucket of a number; the same for rows and for rollups.
  @inlinable
  package static func bucket(of value: Int64) -> Int {
    let magnitude = value.magnitude
    guard magnitude >= 128 else { return Int(truncatingIfNeeded: value) }
    // 7 or more: there is a bit above the seven that tell the bucket.
    let exponent = 63 &- magnitude.leadingZeroBitCount
    let part = Int(truncatingIfNeeded: magnitude &>> UInt64(exponent &- 6)) & 63
    let bucket = 128 &+ (exponent &- 7) &* 64 &+ part
    return value < 0 ? 0 &- bucket : bucket
  }

  /// The number that stands for all of a bucket: its middle. Buckets beyond those of 64-bit numbers
  /// give the nearest number.
  package static func representative(_ bucket: Int) -> Int64 {
    let index = min(bucket.magnitude, UInt(bucketMax))
    guard index >= 128 else { return Int64(bucket) }
    let exponent = UInt64((index - 128) / 64 + 7)
    let width = UInt64(1) << (exponent - 6)
    let lowest = UInt64(1) << exponent | UInt64((index - 128) % 64) << (exponent - 6)
    let middle = lowest + (width - 1) / 2
    if bucket > 0 { return Int64(clamping: middle) }
    return middle > UInt64(Int64.max) ? .min : -Int64(middle)
  }

  /// Calls `body` with each bucket that occurs, ascending.
  package func forEach(_ body: (_ bucket: Int, _ count: UInt64) -> Void) {
    for (index, count) in counts.enumerated() where count > 0 { body(firstBucket + index, count) }
  }

  /// Counts a number, or several of its bucket. Counts stop at 2^64 - 1.
  package mutating func add(bucket: Int, count: UInt64 = 1) {
    guard count > 0 else { return }
    let bucket = max(-LatencyHistogram.bucketMax, min(bucket, LatencyHistogram.bucketMax))
    makeRoom(bucket...bucket)
    counts[bucket - firstBucket] = counts[bucket - firstBucket].addingClamped(count)
    totalCount = totalCount.addingClamped(count)
  }

  /// Counts a number.
  package mutating func add(_ value: Int64) { add(bucket: LatencyHistogram.bucket(of: value)) }

  /// Counts everything that `other` has counted.
  ///
  /// - Complexity: O(buckets between the least and the greatest).
  package mutating func merge(_ other: LatencyHistogram) {
    guard !other.counts.isEmpty else { return }
    makeRoom(other.firstBucket...(other.firstBucket + other.counts.count - 1))
    let offset = other.firstBucket - firstBucket
    for index in other.counts.indices {
      counts[offset + index] = counts[offset + index].addingClamped(other.counts[index])
    }
    totalCount = totalCount.addingClamped(other.totalCount)
  }

  /// What stands for the number of a rank, 0 being the least; nil if there are not so many.
  package func value(atRank rank: UInt64) -> Int64? {
    guard rank < totalCount else { return nil }
    var before: UInt64 = 0
    for (index, count) in counts.enumerated() {
      before = before.addingClamped(count)
      if before > rank { return LatencyHistogram.representative(firstBucket + index) }
    }
    return nil
  }

  /// Bytes that it holds beside itself.
  package var heldByteCount: Int { counts.count * MemoryLayout<UInt64>.size }

  /// Makes `counts` span buckets that are within the limits.
  private mutating func makeRoom(_ buckets: ClosedRange<Int>) {
    guard !counts.isEmpty else {
      firstBucket = buckets.lowerBound
      counts = [UInt64](repeating: 0, count: buckets.count)
      return
    }
    if buckets.lowerBound < firstBucket {
      let missing = firstBucket - buckets.lowerBound
      counts.insert(contentsOf: repeatElement(0, count: missing), at: 0)
      firstBucket = buckets.lowerBound
    }
    let missing = buckets.upperBound - (firstBucket + counts.count - 1)
    if missing > 0 { counts.append(contentsOf: repeatElement(0, count: missing)) }
  }
}

extension UInt64 {
  /// The sum, or the greatest number there is.
  fileprivate func addingClamped(_ other: UInt64) -> UInt64 {
    let (sum, isTooLarge) = addingReportingOverflow(other)
    return isTooLarge ? .max : sum
  }
}
