import TallyBase
import TallyPlanning
import TallyStorage

/// Decides, segment by segment, which table of sums answers in place of the rows.
///
/// Segments are alike to a query if they have the same rollups, the same columns with one value
/// throughout, and lie alike to the ends of the time range. What answers is found out once for
/// all that are alike.
struct RollupChooser {
  let needs: RollupNeeds
  let context: QueryContext
  let timeRange: TimeBounds
  /// Those of the scan.
  let columns: [ColumnSchema]
  /// Whether some expression reads the start of a row's cell of time.
  private let readsTime: Bool
  /// Store codes that a predicate leaves of a column, where they are few.
  let acceptedCodes: [Int: [SymbolCode]]
  private let usesTables: Bool
  private let usesTotals: Bool
  private(set) var slices: [RollupSlice] = []
  private(set) var facts = SliceFacts()
  private(set) var report = RollupReport()
  private var choices: [RollupSituation: Int] = [:]
  private var latest: (situation: RollupSituation, choice: Int)?

  /// Nil if no table of sums may answer.
  ///
  /// - Parameter isNeeded: by column, whether an operator above the scan reads it.
  init?(
    _ scan: LogicalPlan.Scan, columns: [ColumnSchema], isNeeded: [Bool],
    predicates: [ScanPredicate], needs: RollupNeeds, context: QueryContext
  ) {
    let disabled = context.options.disabledRules
    usesTables = !disabled.contains(Optimizer.rollups)
    usesTotals = !disabled.contains(Optimizer.storedSums)
    guard usesTables || usesTotals else { return nil }
    self.needs = needs
    self.context = context
    self.columns = columns
    timeRange = scan.timeRange
    let time = columns.firstIndex { $0.id == Schema.timeColumnID }
    readsTime =
      time.map { time in
        isNeeded[time] || scan.predicates.contains { $0.columnIndexes.contains(time) }
      } ?? false
    acceptedCodes = RollupChooser.acceptedCodes(predicates, columns)
    report.obstacle = needs.obstacle
  }

  /// More codes than this are tested row by row.
  private static let acceptedCodeCountMax = 16

  private static func acceptedCodes(
    _ predicates: [ScanPredicate], _ columns: [ColumnSchema]
  ) -> [Int: [SymbolCode]] {
    var result: [Int: [SymbolCode]] = [:]
    for predicate in predicates {
      guard case .codes(let column, let accepts) = predicate else { continue }
      let codes = accepts.indices.lazy.filter { accepts[$0] != 0 }
        .prefix(acceptedCodeCountMax + 1).map { SymbolCode($0) }
      if codes.count <= acceptedCodeCountMax { result[columns[column].id] = Array(codes) }
    }
    return result
  }

  /// Answers for a segment from a table of sums, if one has what is asked.
  ///
  /// - Returns: whether the segment's rows need not be read.
  mutating func take(
    _ segment: SegmentReader, _ footer: SegmentFooter
  ) throws(TallyError) -> Bool {
    guard needs.obstacle == nil else { return false }
    if segment.isResident { return refuse(.memory) }
    // The manifest has it from disk.
    guard segment.info.timeMinimum <= segment.info.timeMaximum else { return refuse(.damaged) }
    let known = needs.stateColumns.map { footer.facts(id: $0.id) }
    let cover = RollupCover(
      needs: needs,
      states: zip(needs.stateColumns, known).map {
        SegmentColumnState($0, $1, rowCount: footer.rowCount)
      },
      border: border(segment.info))
    guard try take(segment, footer, cover) else { return false }
    note(segment.info, cover, known)
    return true
  }

  private mutating func take(
    _ segment: SegmentReader, _ footer: SegmentFooter, _ cover: RollupCover
  ) throws(TallyError) -> Bool {
    if usesTotals, takeTotals(segment, footer, cover) { return true }
    guard usesTables else { return refuse(.off) }
    if context.snapshot.deletedRows[segment.info.id] != nil { return refuse(.deadRows) }
    guard let directory = try segment.rollups() else { return refuse(.missing) }
    let choice = choose(directory, cover)
    guard let index = report.picks[choice].index else {
      report.picks[choice].segmentCount += 1
      return false
    }
    return try takeTable(segment, footer, cover, index, choice)
  }

  private mutating func refuse(_ reason: RollupReport.Refusal) -> Bool {
    report.refused[reason, default: 0] += 1
    return false
  }

  /// The longest cells that form the ends of the time range within a segment; nil if it cuts
  /// through minutes.
  private func border(_ info: SegmentInfo) -> RollupGrain? {
    if timeRange.contains(info) { return .day }
    var grain: RollupGrain? = .day
    let ends = [timeRange.start, timeRange.end].compactMap { $0 }
    for end in ends where end > info.timeMinimum && end <= info.timeMaximum {
      grain = grain.flatMap { known in TimeCut.grain(onBorder: end).map { min(known, $0) } }
    }
    return grain
  }

  /// Adds what is known of a segment that is answered for.
  private mutating func note(
    _ info: SegmentInfo, _ cover: RollupCover, _ known: [SegmentColumnFacts?]
  ) {
    facts.rowCount += slices.last?.readRowCount ?? 0
    facts.eventCount += info.rowCount
    facts.times = InputFacts.union(facts.times, info.timeMinimum...info.timeMaximum)
    if !timeRange.contains(info) { facts.straddlesTimeRange = true }
    for (index, column) in needs.stateColumns.enumerated() where column.type != .symbol {
      facts.columns[column.id, default: SliceFacts.Column()].add(
        cover.states[index], known[index]?.zoneMap)
    }
  }

  // MARK: Choice

  /// The choice for segments like this one, by its position in the report.
  private mutating func choose(_ directory: RollupDirectory, _ cover: RollupCover) -> Int {
    let situation = RollupSituation(directory.catalog, cover)
    if let latest, latest.situation == situation { return latest.choice }
    let choice: Int
    if let known = choices[situation] {
      choice = known
    } else {
      choice = report.picks.count
      report.picks.append(RollupPick(directory, cover, columns: columns))
      choices[situation] = choice
    }
    latest = (situation, choice)
    return choice
  }

  // MARK: Totals

  private mutating func takeTotals(
    _ segment: SegmentReader, _ footer: SegmentFooter, _ cover: RollupCover
  ) -> Bool {
    guard timeRange.contains(segment.info) else { return false }
    // Most queries tell some column apart: no need to look further.
    guard needs.columns.indices.allSatisfy({ cover.states[$0].isFixed }) else { return false }
    let totals = SegmentTotals(
      cover: cover, segment: segment, footer: footer,
      liveRowCount: context.liveRowCount(segment))
    guard let values = totals.values() else { return false }
    report.totalsCount += 1
    let rowCount = totals.liveRowCount > 0 ? 1 : 0
    slices.append(
      RollupSlice(
        segment: segment, rows: 0..<rowCount, rowCount: 1,
        times: .constant(firstTime(segment.info)),
        columns: columns.map { fixedColumn($0, cover) }, values: values))
    return true
  }

  /// A column that has one value in a segment, as a key or predicate reads it.
  private func fixedColumn(_ column: ColumnSchema, _ cover: RollupCover) -> SliceColumn {
    guard let index = needs.columns.firstIndex(where: { $0.schema.id == column.id }) else {
      return .unused
    }
    switch cover.states[index] {
    case .constant(let value): return .constant(value)
    case .null: return .null
    case .varying: return .unused
    }
  }

  // MARK: Tables

  /// Reads what is needed of a rollup. One that is damaged is none: rows have the same answer.
  private mutating func takeTable(
    _ segment: SegmentReader, _ footer: SegmentFooter, _ cover: RollupCover, _ index: Int,
    _ choice: Int
  ) throws(TallyError) -> Bool {
    let slice: RollupSlice?
    do throws(TallyError) {
      slice = try self.slice(
        segment, footer, cover, try segment.rollup(index), report.picks[choice].binding)
    } catch {
      guard error.code == .corruption || error.code == .internal else { throw error }
      return refuse(.damaged)
    }
    guard let slice else { return refuse(.damaged) }
    report.picks[choice].segmentCount += 1
    report.picks[choice].rowCount += slice.readRowCount
    slices.append(slice)
    return true
  }

  private func slice(
    _ segment: SegmentReader, _ footer: SegmentFooter, _ cover: RollupCover,
    _ table: RollupTable, _ binding: RollupBinding?
  ) throws(TallyError) -> RollupSlice? {
    guard let binding else { return nil }
    var sliceColumns: [SliceColumn] = []
    sliceColumns.reserveCapacity(binding.columns.count)
    for source in binding.columns {
      sliceColumns.append(try source.column(table, cover.states))
    }
    var values: [SliceColumn] = []
    values.reserveCapacity(binding.values.count)
    for (value, source) in zip(needs.values, binding.values) {
      guard let column = try source.column(value, table, cover.states) else { return nil }
      values.append(column)
    }
    let usesStarts =
      table.definition.grain != .day && (readsTime || !timeRange.contains(segment.info))
    let ranges = try ranges(table)
    return RollupSlice(
      segment: segment, rows: ranges.first ?? 0..<0, furtherRows: Array(ranges.dropFirst()),
      rowCount: table.rowCount,
      times: usesStarts
        ? .numbers(startsInRange(try table.bucketStarts(), segment.info))
        : .constant(firstTime(segment.info)),
      columns: sliceColumns, values: values)
  }

  /// A time that stands for all of a day, of a segment within the time range. Its start may lie
  /// before the range: rows of other segments of the day make the range be tested.
  private func firstTime(_ info: SegmentInfo) -> Int64 {
    max(info.day.startMicroseconds, timeRange.start ?? .min)
  }

  /// The starts of cells, of which the first may begin before the time range and hold events of the
  /// range alone: it is told by a time of the range then.
  private func startsInRange(_ starts: [Int64], _ info: SegmentInfo) -> [Int64] {
    guard let start = timeRange.start, start <= info.timeMinimum,
      start > info.day.startMicroseconds
    else { return starts }
    return starts.map { max($0, start) }
  }

  /// The rows that a predicate on the first dimension leaves; all if there is none.
  private func ranges(_ table: RollupTable) throws(TallyError) -> [Range<Int>] {
    guard let first = table.definition.dimensions.first, let codes = acceptedCodes[first] else {
      return [0..<table.rowCount]
    }
    var ranges: [Range<Int>] = []
    for code in codes {
      let range = try table.rows(first: code)
      if !range.isEmpty { ranges.append(range) }
    }
    return ranges
  }
}

/// What makes segments alike to a query.
struct RollupSituation: Hashable {
  private let catalog: ObjectIdentifier
  private var states: UInt64 = 0
  private let border: RollupGrain?

  init(_ catalog: RollupCatalog, _ cover: RollupCover) {
    self.catalog = ObjectIdentifier(catalog)
    border = cover.border
    for state in cover.states { states = states << 2 | state.tag }
  }
}

extension SliceFacts.Column {
  /// - Parameter zone: nil: the segment does not store the column.
  fileprivate mutating func add(_ state: SegmentColumnState, _ zone: ZoneMap?) {
    if state.mayBeNull { mayBeNull = true }
    switch state {
    case .null: return
    case .constant(let value): range = InputFacts.union(range, value...value)
    case .varying:
      if let zone, zone.hasBounds, zone.minimum <= zone.maximum {
        range = InputFacts.union(range, zone.minimum...zone.maximum)
      } else {
        isBounded = false
      }
    }
  }
}
