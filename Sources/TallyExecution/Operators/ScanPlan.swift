import TallyBase
import TallyPlanning
import TallyStorage

/// What all workers of a scan share: columns, predicates, the segments that are left.
struct ScanPlan: Sendable {
  /// Scan output first (as the logical scan lists them), then columns only the scan itself needs.
  let columns: [ColumnSchema]
  /// The number of output columns that the logical scan has.
  let outputCount: Int
  /// By column: whether an operator above reads it.
  let isNeeded: [Bool]
  /// Expressions over `time` that have one value a day; appended to the output in this order.
  let dayExpressions: [BoundExpression]
  let predicates: [ScanPredicate]
  let timeRange: TimeBounds
  /// Position of `time` in `columns` when a segment may straddle the range's ends.
  let timeColumn: Int?
  let morsels: [Morsel]
  /// What is read from tables of sums in place of rows.
  var slices: [RollupSlice]
  let sliceFacts: SliceFacts
  let rollupReport: RollupReport?
  /// Segments, rows pruned before any morsel was made.
  let prunedSegmentCount: Int
  let prunedRowCount: Int
  /// Rows of damaged parts of segments that are left out.
  let missingRowCount: Int
  let segmentCount: Int
  let usesZoneMaps: Bool
  /// By scan output column: whether nothing but plain sums reads it.
  var isOnlySummed: [Bool] = []
  /// Whether batches may be whole pages of packed columns.
  var takesWholePages = false
}

/// A run of pages of one row group: the unit of work.
struct Morsel: Sendable {
  var segment: SegmentReader
  var footer: SegmentFooter
  var rowGroup: Int
  var pages: Range<Int>
  var rowCount: Int
}

/// Chooses segments and cuts them into morsels.
struct ScanPlanner {
  let context: QueryContext

  /// - Parameters:
  ///   - needed: by scan output column, whether an operator above reads it.
  ///   - needs: what a table of sums must have to answer; nil: none may.
  func plan(
    _ scan: LogicalPlan.Scan, needed: [Bool], dayExpressions: [BoundExpression],
    rollups needs: RollupNeeds? = nil
  ) throws(TallyError) -> ScanPlan {
    var columns = scan.columns
    var isNeeded = needed
    var timeColumn = columns.firstIndex { $0.id == Schema.timeColumnID }
    if timeColumn == nil, scan.timeRange.start != nil || scan.timeRange.end != nil {
      timeColumn = columns.count
      columns.append(context.snapshot.schema.columns[Schema.timeColumnID])
      isNeeded.append(false)
    }
    var orgColumn: Int?
    if let scope = scan.scope {
      orgColumn = columns.firstIndex { $0.id == scope.column.id }
      if orgColumn == nil {
        columns.append(scope.column)
        isNeeded.append(false)
      }
    }
    let builder = ScanPredicateBuilder(columns: columns, context: context)
    var predicates: [ScanPredicate] = []
    // The first of all: no other condition is computed for a row of another org, so none can fail
    // and tell of it.
    if let scope = scan.scope {
      predicates.append(
        try builder.build(scope.condition(onColumn: orgColumn ?? columns.count - 1)))
    }
    for predicate in scan.predicates { predicates.append(try builder.build(predicate)) }
    predicates = ScanPlanner.mergeRanges(predicates)
    var pruner = SegmentPruner(
      columns: columns, predicates: predicates, timeRange: scan.timeRange,
      rollups: needs.flatMap {
        RollupChooser(
          scan, columns: columns, isNeeded: isNeeded, predicates: predicates, needs: $0,
          context: context)
      }, context: context)
    let morsels = try pruner.morsels()
    return ScanPlan(
      columns: columns, outputCount: scan.columns.count, isNeeded: isNeeded,
      dayExpressions: dayExpressions, predicates: predicates, timeRange: scan.timeRange,
      timeColumn: timeColumn, morsels: morsels, slices: pruner.rollups?.slices ?? [],
      sliceFacts: pruner.rollups?.facts ?? SliceFacts(),
      rollupReport: pruner.rollups?.report, prunedSegmentCount: pruner.prunedSegmentCount,
      prunedRowCount: pruner.prunedRowCount, missingRowCount: pruner.missingRowCount,
      segmentCount: context.snapshot.segments.count,
      usesZoneMaps: pruner.usesZoneMaps)
  }

  /// `a > 1 AND a < 9` is one test.
  static func mergeRanges(_ predicates: [ScanPredicate]) -> [ScanPredicate] {
    var merged: [ScanPredicate] = []
    for predicate in predicates {
      guard case .range(let column, let minimum, let maximum) = predicate,
        let index = merged.firstIndex(where: {
          if case .range(let other, _, _) = $0 { other == column } else { false }
        }), case .range(_, let low, let high) = merged[index]
      else {
        merged.append(predicate)
        continue
      }
      let (newLow, newHigh) = (max(low, minimum), min(high, maximum))
      merged[index] =
        newLow > newHigh ? .never : .range(column: column, minimum: newLow, maximum: newHigh)
    }
    return merged
  }
}
