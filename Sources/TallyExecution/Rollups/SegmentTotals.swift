import TallyBase
import TallyStorage

/// The sums, bounds and counts in a segment's footer: a rollup of one row, which every segment has.
struct SegmentTotals {
  let cover: RollupCover
  let segment: SegmentReader
  let footer: SegmentFooter
  /// Rows that are not dead.
  let liveRowCount: Int

  /// The row's values; nil if the footer does not tell all of them.
  func values() -> [SliceColumn]? {
    guard cover.needs.grain == .day,
      cover.needs.columns.allSatisfy({ cover.state($0.schema.id).isFixed })
    else { return nil }
    var result: [SliceColumn] = []
    for value in cover.needs.values {
      guard let column = column(of: value) else { return nil }
      result.append(column)
    }
    return result
  }

  private var hasDeadRows: Bool { liveRowCount != footer.rowCount }

  private func column(of value: PartialValue) -> SliceColumn? {
    guard let id = value.column else { return .constant(Int64(liveRowCount)) }
    let state = cover.state(id)
    if state.isFixed {
      return .fixed(value, state, rowCounts: [Int64(liveRowCount)])
    }
    if case .count = value, state == .varying(mayBeNull: false) {
      return .constant(Int64(liveRowCount))
    }
    guard !hasDeadRows, let zone = footer.column(id: id)?.zoneMap else { return nil }
    switch value {
    case .rows: return .constant(Int64(footer.rowCount))
    case .count: return .constant(Int64(footer.rowCount - zone.nullCount))
    case .sum: return Int64(exactly: zone.sum).map { .constant($0) }
    case .minimum: return zone.hasBounds ? .constant(zone.minimum) : nil
    case .maximum: return zone.hasBounds ? .constant(zone.maximum) : nil
    case .distinct, .histogram: return nil
    }
  }
}
