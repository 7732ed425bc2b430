import TallyBase

/// Which segments of a day are to be rewritten as one.
///
/// *Tiers.* Small segments are merged when those that are at most as large as the largest of them
/// add up to at least as much as it: so every row that is written again ends in a segment at least
/// twice as large as the one it left. A row is therefore rewritten at most log2(full / flushed)
/// times, and a day keeps at most as many small segments, each larger than all smaller ones
/// together. Full segments are never merged.
///
/// *Dead rows.* A segment more than a twentieth of which is dead is rewritten: a dead row pays for
/// at most twenty rewritten ones. While rows come to the day more of it will die, so that it waits
/// until four times as many have, or until the day is quiet.
package struct CompactionPolicy {
  let options: CompactionOptions

  package init(options: CompactionOptions) { self.options = options }

  package enum Extent: Sendable {
    /// What pays: see above.
    case tiered
    /// All small segments and all dead rows, whatever it costs.
    case everything
  }

  /// Most segments merged at a time: bounds open files.
  private static let segmentCountMax = 64
  /// How many times more rows may be dead while rows come to the day.
  private static let busyDeadFactor = 4

  /// The segments to rewrite as one next, in order of their ids; none if the day is as it should
  /// be.
  ///
  /// - Parameters:
  ///   - segments: of one day, ascending by id.
  ///   - deadCounts: dead rows by segment id.
  ///   - isBusy: whether rows are coming to the day right now.
  package func choose(
    _ segments: [SegmentInfo], deadCounts: [UInt64: Int], isBusy: Bool, extent: Extent
  ) -> [SegmentInfo] {
    let rows = Dictionary(
      segments.map { ($0.id, $0.rowCount - (deadCounts[$0.id] ?? 0)) },
      uniquingKeysWith: { first, _ in first })
    let small = segments.filter { (rows[$0.id] ?? 0) < options.fullRowCount }
    if extent == .everything {
      let all = segments.filter { segment in
        (rows[segment.id] ?? 0) < options.fullRowCount || (deadCounts[segment.id] ?? 0) > 0
      }
      let chosen = prefix(of: all)
      let hasDead = chosen.contains { (deadCounts[$0.id] ?? 0) > 0 }
      return chosen.count > 1 || hasDead ? chosen : []
    }
    if !isBusy || small.count > options.busySegmentCountMax {
      let tier = tier(of: small, rows: rows)
      if tier.count > 1 { return tier }
    }
    let percent = min(100, options.deadPercentMax * (isBusy ? CompactionPolicy.busyDeadFactor : 1))
    let decayed = segments.first { segment in
      (deadCounts[segment.id] ?? 0) * 100 > segment.rowCount * percent
    }
    return decayed.map { [$0] } ?? []
  }

  /// The longest row of smallest segments in which the largest is no more than all others.
  private func tier(of small: [SegmentInfo], rows: [UInt64: Int]) -> [SegmentInfo] {
    let sorted = small.sorted { (rows[$0.id] ?? 0, $0.id) < (rows[$1.id] ?? 0, $1.id) }
    let room = prefix(of: sorted)
    var sum = 0
    var count = 0
    for (index, segment) in room.enumerated() {
      let size = rows[segment.id] ?? 0
      if index > 0, size <= sum { count = index + 1 }
      sum += size
    }
    return room.prefix(count).sorted { $0.id < $1.id }
  }

  /// As many of the first segments as are rewritten in one go.
  private func prefix(of segments: [SegmentInfo]) -> [SegmentInfo] {
    var total = 0
    return Array(
      segments.prefix(CompactionPolicy.segmentCountMax).prefix { segment in
        defer { total += segment.rowCount }
        return total == 0 || total + segment.rowCount <= options.totalRowCountMax
      })
  }
}
