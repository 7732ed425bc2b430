import TallyBase
import TallyPlanning
import TallyStorage

/// How often values of which bucket occur in every group, for approximate quantiles: the histogram
/// that rollups keep, so that both add up to the same answer.
final class HistogramState: AggregateState {
  /// Counts of the buckets that bounds allow, where groups are few.
  private var window: Window?
  /// By group, where they are not.
  private var histograms: [LatencyHistogram] = []
  private var heldByteCount = 0
  private let budget: MemoryBudget

  /// `bucketCount` counters from bucket `first` for every group.
  private struct Window {
    var first: Int
    var bucketCount: Int
    var counts: GroupArray<UInt64>
  }

  /// - Parameters:
  ///   - range: bounds of the values when known.
  ///   - groupCount: number of groups when known.
  init(range: (minimum: Int64, maximum: Int64)?, groupCount: Int?, budget: MemoryBudget) {
    self.budget = budget
    guard let range, let groupCount, range.minimum <= range.maximum else { return }
    let first = LatencyHistogram.bucket(of: range.minimum)
    let bucketCount = LatencyHistogram.bucket(of: range.maximum) - first + 1
    guard bucketCount * groupCount <= HistogramState.counterCountMax else { return }
    window = Window(first: first, bucketCount: bucketCount, counts: GroupArray(budget: budget))
  }

  deinit { budget.release(heldByteCount) }

  /// 16 MiB of counters, most of which are never touched.
  private static let counterCountMax = 1 << 21

  override func resize(_ groupCount: Int) throws(TallyError) {
    if let window { return try window.counts.resize(groupCount * window.bucketCount) }
    let missing = groupCount - histograms.count
    guard missing > 0 else { return }
    try hold(missing * MemoryLayout<LatencyHistogram>.stride)
    histograms.append(contentsOf: repeatElement(LatencyHistogram(), count: missing))
  }

  private func hold(_ byteCount: Int) throws(TallyError) {
    try budget.reserve(byteCount)
    heldByteCount += byteCount
  }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    argument.flatten(rowCount: groups.rowCount)
    let presence = unsafe argument.presence
    let values = unsafe argument.int64s
    for row in 0..<groups.rowCount {
      if let presence = unsafe presence, unsafe presence[row] == 0 { continue }
      let bucket = unsafe LatencyHistogram.bucket(of: values[row])
      try add(bucket, count: 1, group: unsafe Int(groups.constant ?? groups.ids[row]))
    }
  }

  /// Counts values of a bucket.
  @inline(__always)
  func add(_ bucket: Int, count: Int64, group: Int) throws(TallyError) {
    if let window {
      // Bounds are those of the values, so the guard only keeps a wrong bound from doing harm.
      let index = bucket &- window.first
      guard index >= 0, index < window.bucketCount else { return }
      window.counts[group &* window.bucketCount &+ index] &+= UInt64(clamping: count)
      return
    }
    let before = histograms[group].heldByteCount
    histograms[group].add(bucket: bucket, count: UInt64(clamping: count))
    let added = histograms[group].heldByteCount - before
    if added > 0 { try hold(added) }
  }

  /// Adds the histogram of a row of a rollup.
  func add(_ all: RollupHistograms, row: Int, group: Int) throws(TallyError) {
    var failure: TallyError?
    all.forEach(row) { bucket, count in
      do throws(TallyError) {
        try add(bucket, count: Int64(clamping: count), group: group)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? HistogramState else { return }
    for group in 0..<groupCount {
      let target = mapping.map { Int($0[group]) } ?? group
      if let theirs = other.window, let own = window {
        let (from, to) = (group * theirs.bucketCount, target * own.bucketCount)
        for index in 0..<own.bucketCount { own.counts[to + index] &+= theirs.counts[from + index] }
      } else {
        let before = histograms[target].heldByteCount
        histograms[target].merge(other.histograms[group])
        try hold(max(0, histograms[target].heldByteCount - before))
      }
    }
  }

  /// The value at a quantile of a group; nil if the group has none.
  func quantile(_ group: Int, _ fraction: Double) -> Int64? {
    guard let window else {
      let histogram = histograms[group]
      guard let count = Int(exactly: histogram.totalCount), count > 0 else { return nil }
      return histogram.value(atRank: UInt64(Quantile.discreteRank(fraction, count: count)))
    }
    let start = group * window.bucketCount
    let buckets = start..<(start + window.bucketCount)
    let total = buckets.reduce(0 as UInt64) { $0 &+ window.counts[$1] }
    guard let count = Int(exactly: total), count > 0 else { return nil }
    var rest = UInt64(Quantile.discreteRank(fraction, count: count))
    for index in buckets {
      if window.counts[index] > rest {
        return LatencyHistogram.representative(window.first + index - start)
      }
      rest -= window.counts[index]
    }
    return nil
  }
}
