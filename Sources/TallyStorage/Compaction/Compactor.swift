package import TallyBase

/// What compaction did to a day.
package struct CompactedDay: Hashable, Sendable {
  package var day: Day
  /// Rows that are not dead.
  package var rowCount: Int
  package var segmentCountBefore: Int
  package var segmentCountAfter: Int
  package var byteCountBefore: Int64
  package var byteCountAfter: Int64
  /// Rows written, those counted again that were written more than once.
  package var rewrittenRowCount: Int
}

/// Merges segments of a day, one step at a time. Run with the store's maintenance lock held.
struct Compactor {
  let store: Store
  let options: CompactionOptions
  let cancellation: CancellationToken

  /// Does one step of a day.
  ///
  /// - Parameter excluded: ids of segments to leave alone.
  /// - Returns: rows written; nil if there was nothing to do.
  /// - Throws: `io`, `diskFull`, `corruption`, `version`, `cancelled`: the store is as before.
  func step(
    _ day: Day, isBusy: Bool, extent: CompactionPolicy.Extent, excluding excluded: Set<UInt64> = []
  ) throws(TallyError) -> Int? {
    let manifest = try store.committedManifest()
    let segments = manifest.segments.of(day).filter {
      manifest.damagedSegments[$0.id] == nil && !excluded.contains($0.id)
    }
    var deadCounts: [UInt64: Int] = [:]
    for segment in segments { deadCounts[segment.id] = manifest.deletedRows[segment.id]?.count }
    let inputs = CompactionPolicy(options: options).choose(
      segments, deadCounts: deadCounts, isBusy: isBusy, extent: extent)
    guard !inputs.isEmpty else { return nil }
    do throws(TallyError) {
      return try store.rewrite(inputs, options: options, cancellation: cancellation)
    } catch {
      throw CompactionFailure.located(error, inputs)
    }
  }

  /// Does all there is to do for a day.
  ///
  /// - Returns: nil if that was nothing.
  /// - Throws: as `step`; the steps before have been committed.
  func compact(_ day: Day) throws(TallyError) -> CompactedDay? {
    let before = try store.committedManifest().summary(of: day)
    var rewrittenCount: Int?
    var segmentCount = Int.max
    while true {
      let manifest = try store.committedManifest().summary(of: day)
      // Steps that do not lessen the segments drop dead rows, which is done once.
      guard manifest.segmentCount < segmentCount || manifest.hasDead else { break }
      segmentCount = manifest.segmentCount
      guard let count = try step(day, isBusy: false, extent: .everything) else { break }
      rewrittenCount = (rewrittenCount ?? 0) + count
    }
    guard let rewrittenCount else { return nil }
    let after = try store.committedManifest().summary(of: day)
    return CompactedDay(
      day: day, rowCount: after.rowCount, segmentCountBefore: before.segmentCount,
      segmentCountAfter: after.segmentCount, byteCountBefore: before.byteCount,
      byteCountAfter: after.byteCount, rewrittenRowCount: rewrittenCount)
  }
}

/// Names the day in errors of compaction.
private enum CompactionFailure {
  static func located(_ error: TallyError, _ inputs: [SegmentInfo]) -> TallyError {
    guard error.code != .cancelled, let day = inputs.first?.day else { return error }
    var located = error
    located.message = "compaction of \(day) failed: \(error.message)"
    return located
  }
}

extension Manifest {
  fileprivate struct DaySummary {
    var rowCount = 0
    var segmentCount = 0
    var byteCount: Int64 = 0
    var hasDead = false
  }

  fileprivate func summary(of day: Day) -> DaySummary {
    segments.of(day).reduce(into: DaySummary()) { summary, segment in
      let deadCount = deletedRows[segment.id]?.count ?? 0
      summary.rowCount += segment.rowCount - deadCount
      summary.segmentCount += 1
      summary.byteCount += segment.byteCount
      summary.hasDead = summary.hasDead || deadCount > 0
    }
  }
}
