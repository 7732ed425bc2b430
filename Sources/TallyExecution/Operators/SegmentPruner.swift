import TallyBase
import TallyPlanning
import TallyStorage

/// Drops segments, row groups and pages whose bounds prove that no row qualifies, and makes
/// morsels of the rest.
struct SegmentPruner {
  let columns: [ColumnSchema]
  let predicates: [ScanPredicate]
  let timeRange: TimeBounds
  let context: QueryContext
  private(set) var prunedSegmentCount = 0
  private(set) var prunedRowCount = 0
  /// Takes the segments for which a table of sums answers; nil: none may.
  var rollups: RollupChooser?
  /// Rows that are left out because they cannot be read.
  private(set) var missingRowCount = 0

  init(
    columns: [ColumnSchema], predicates: [ScanPredicate], timeRange: TimeBounds,
    rollups: RollupChooser?, context: QueryContext
  ) {
    self.rollups = rollups
    self.columns = columns
    self.predicates = predicates
    self.timeRange = timeRange
    self.context = context
  }

  var usesZoneMaps: Bool { !context.options.disabledRules.contains("zone_map_pruning") }
  private var prunesPartitions: Bool {
    !context.options.disabledRules.contains("partition_pruning")
  }

  mutating func morsels() throws(TallyError) -> [Morsel] {
    let isEmptyRange = (timeRange.start ?? .min) >= (timeRange.end ?? .max)
    if isEmptyRange || predicates.contains(where: { if case .never = $0 { true } else { false } }) {
      prunedSegmentCount = segments.count
      return []
    }
    var groups: [Morsel] = []
    for position in positionsInRange() {
      let info = segments.info(at: position)
      if prunesPartitions,
        !timeRange.overlaps(minimum: info.timeMinimum, maximum: info.timeMaximum)
      {
        prune(info.rowCount)
        continue
      }
      let segment = segments[position]
      guard let footer = try readableFooter(segment) else { continue }
      if usesZoneMaps, !mayMatch(footer) {
        prune(info.rowCount)
        continue
      }
      if try rollups?.take(segment, footer) == true { continue }
      for rowGroup in footer.rowGroups.indices {
        appendMorsel(segment, footer, rowGroup, to: &groups)
      }
    }
    return split(groups)
  }

  private var segments: SegmentList { context.snapshot.segments }

  /// Where the segments are of which days the time range has a part. The others are not looked at.
  private mutating func positionsInRange() -> Range<Int> {
    guard prunesPartitions else { return segments.indices }
    let first = Day(containing: timeRange.start ?? .min)
    let last = Day(containing: timeRange.end ?? .max)
    guard first <= last else { return segments.indices }
    let positions = segments.positions(of: first...last)
    let rowCount = positions.reduce(0) { $0 &+ segments.info(at: $1).rowCount }
    prunedSegmentCount += segments.count - positions.count
    prunedRowCount += segments.rowCount &- rowCount
    return positions
  }

  /// Nil: the segment is left out.
  private mutating func readableFooter(
    _ segment: SegmentReader
  ) throws(TallyError) -> SegmentFooter? {
    if try context.leavesOut(segment) {
      missingRowCount += context.liveRowCount(segment)
      return nil
    }
    do throws(TallyError) {
      return try segment.footer()
    } catch {
      guard context.leavesOut(segment, rowGroup: nil, after: error) else { throw error }
      return nil
    }
  }

  private mutating func prune(_ rowCount: Int) {
    prunedSegmentCount += 1
    prunedRowCount += rowCount
  }

  private mutating func appendMorsel(
    _ segment: SegmentReader, _ footer: SegmentFooter, _ rowGroup: Int, to groups: inout [Morsel]
  ) {
    let rowCount = footer.rowGroups[rowGroup].rowCount
    let pageCount = (rowCount + Page.rowCountMax - 1) / Page.rowCountMax
    let matches =
      !usesZoneMaps
      || predicates.allSatisfy { predicate in
        ZoneMapTest.mayMatch(predicate, footer: footer, columns: columns) {
          $0.chunks[rowGroup].zoneMap
        }
      }
    guard matches else {
      prunedRowCount += rowCount
      return
    }
    if context.leftOut.contains(segment.info.id, rowGroup: rowGroup) {
      let first = footer.rowGroups[rowGroup].firstRow
      missingRowCount += context.liveRowCount(segment, rows: first..<(first + rowCount))
      return
    }
    groups.append(
      Morsel(
        segment: segment, footer: footer, rowGroup: rowGroup, pages: 0..<pageCount,
        rowCount: rowCount))
  }

  private func mayMatch(_ footer: SegmentFooter) -> Bool {
    predicates.allSatisfy { predicate in
      ZoneMapTest.mayMatch(predicate, footer: footer, columns: columns) { $0.zoneMap }
    }
  }

  /// Few row groups are cut into pages so that every thread gets work.
  private func split(_ groups: [Morsel]) -> [Morsel] {
    guard groups.count < context.options.threadCount * 4 else { return groups }
    var slices: [Morsel] = []
    for group in groups {
      for page in group.pages {
        var slice = group
        slice.pages = page..<(page + 1)
        slice.rowCount = min(Page.rowCountMax, group.rowCount - page * Page.rowCountMax)
        slices.append(slice)
      }
    }
    return slices
  }
}

/// What a zone map says of a predicate.
enum ZoneMapTest {
  /// Whether some row may satisfy the predicate. `zoneMap` picks the level: segment, chunk, page.
  static func mayMatch(
    _ predicate: ScanPredicate, footer: SegmentFooter, columns: [ColumnSchema],
    zoneMap: (SegmentFooter.Column) -> ZoneMap
  ) -> Bool {
    guard let index = predicate.column else { return true }
    let column = columns[index]
    guard let stored = footer.column(id: column.id) else {
      return mayMatchDefault(predicate, column)
    }
    let map = zoneMap(stored)
    switch predicate {
    case .range(_, let minimum, let maximum):
      return !map.hasBounds || (map.minimum <= maximum && map.maximum >= minimum)
    case .codes(_, let accepts):
      return mayMatch(accepts, stored.localDictionary, map)
    case .nullness(_, let wantsNull):
      return !wantsNull || map.nullCount > 0
    case .general, .never: return true
    }
  }

  private static func mayMatch(
    _ accepts: [UInt8], _ localDictionary: [SymbolCode], _ map: ZoneMap
  ) -> Bool {
    guard map.hasBounds, let low = Int(exactly: map.minimum), let high = Int(exactly: map.maximum),
      low >= 0, low <= high, high < localDictionary.count
    else { return true }
    for local in low...high {
      let code = Int(localDictionary[local])
      if code < accepts.count, accepts[code] != 0 { return true }
    }
    return false
  }

  /// A column that a segment does not store has its default value in every row.
  private static func mayMatchDefault(_ predicate: ScanPredicate, _ column: ColumnSchema) -> Bool {
    switch predicate {
    case .range(_, let minimum, let maximum):
      guard case .int(let number) = column.defaultValue else { return false }
      return number >= Int128(minimum) && number <= Int128(maximum)
    case .codes(_, let accepts): return accepts.first == 1
    case .nullness(_, let wantsNull): return column.defaultValue.isNull == wantsNull
    case .general, .never: return true
    }
  }
}
