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
    let needs = cover.needs
    guard needs.grain == .day, needs.columns.indices.allSatisfy({ cover.states[$0].isFixed })
    else { return nil }
    var result: [SliceColumn] = []
    for (value, index) in zip(needs.values, needs.valueStates) {
      guard let index else {
        result.append(.constant(Int64(liveRowCount)))
        continue
      }
      guard let column = column(of: value, needs.stateColumns[index].id, cover.states[index]) else {
        return nil
      }
      result.append(column)
    }
    return result
  }

  private var hasDeadRows: Bool { liveRowCount != footer.rowCount }

  private func column(
    of value: PartialValue, _ id: Int, _ state: SegmentColumnState
  ) -> SliceColumn? {
    if state.isFixed {
      return .total(value, state, rowCount: Int64(liveRowCount))
    }
    if case .count = value, state == .varying(mayBeNull: false) {
      return .constant(Int64(liveRowCount))
    }
    guard !hasDeadRows, let zone = footer.facts(id: id)?.zoneMap else { return nil }
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
