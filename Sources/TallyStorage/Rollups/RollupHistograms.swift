import TallyBase

/// The histograms of one column in all groups of a rollup: only buckets that occur are held.
package final class RollupHistograms: Sendable {
  /// First entry of each row, then the number of entries.
  private let starts: [Int]
  private let buckets: [Int16]
  private let counts: [UInt32]

  /// - Throws: `corruption`.
  init(section bytes: [UInt8], rowCount: Int) throws(TallyError) {
    var reader = ByteReader(bytes, subject: "rollup histograms")
    var starts = [0]
    var buckets: [Int16] = []
    var counts: [UInt32] = []
    for _ in 0..<rowCount {
      try LatencyHistogram.read(&reader) { bucket, count in
        buckets.append(Int16(truncatingIfNeeded: bucket))
        counts.append(count)
      }
      starts.append(buckets.count)
    }
    try reader.expectEnd()
    (self.starts, self.buckets, self.counts) = (starts, buckets, counts)
  }

  /// Adds the histogram of a row. Rows that do not exist add nothing.
  package func add(_ row: Int, to histogram: inout LatencyHistogram) {
    guard row >= 0, row + 1 < starts.count else { return }
    for entry in starts[row]..<starts[row + 1] {
      histogram.add(bucket: Int(buckets[entry]), count: UInt64(counts[entry]))
    }
  }

  /// Calls `body` with each bucket that occurs in a row, ascending.
  package func forEach(_ row: Int, _ body: (_ bucket: Int, _ count: UInt64) -> Void) {
    guard row >= 0, row + 1 < starts.count else { return }
    for entry in starts[row]..<starts[row + 1] {
      body(Int(buckets[entry]), UInt64(counts[entry]))
    }
  }

  package var heldByteCount: Int { starts.count * 8 + buckets.count * 6 }
}
