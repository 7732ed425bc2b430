import TallyBase

/// How often which bucket of a column's values occurs together with which code of a dimension.
struct HistogramMatrix {
  /// Nil: over all rows.
  let dimension: Int?
  let column: Int
  private let firstBucket: Int
  private let width: Int
  private var counts: [UInt32]

  /// 4 MiB.
  private static let entryCountMax = 1 << 20

  /// - Returns: nil if it would take too much memory, or no row has a value.
  init?(dimension: Int?, column: Int, facts: RollupFacts) {
    guard let zone = facts.footer.column(id: column)?.zoneMap, zone.hasBounds else { return nil }
    self.dimension = dimension
    self.column = column
    firstBucket = LatencyHistogram.bucket(of: zone.minimum)
    width = LatencyHistogram.bucket(of: zone.maximum) - firstBucket + 1
    let rowCount = dimension.map { facts.codeCount($0) } ?? 1
    guard rowCount * width <= HistogramMatrix.entryCountMax else { return nil }
    counts = [UInt32](repeating: 0, count: rowCount * width)
  }

  /// - Parameter codes: of the dimension; empty without one.
  mutating func add(_ codes: [UInt32], _ numbers: RollupNumbers, buckets: [Int32]) {
    for row in buckets.indices where numbers.validity.isEmpty || numbers.validity[row] != 0 {
      let first = codes.isEmpty ? 0 : Int(codes[row]) &* width
      counts[first &+ Int(buckets[row]) &- firstBucket] &+= 1
    }
  }

  /// One for each code of the dimension.
  var histograms: [LatencyHistogram] {
    stride(from: 0, to: counts.count, by: width).map { first in
      var histogram = LatencyHistogram()
      for index in 0..<width {
        histogram.add(bucket: firstBucket + index, count: UInt64(counts[first + index]))
      }
      return histogram
    }
  }
}

extension RollupNumbers {
  /// The bucket of each value.
  var histogramBuckets: [Int32] {
    values.map { Int32(truncatingIfNeeded: LatencyHistogram.bucket(of: $0)) }
  }
}
