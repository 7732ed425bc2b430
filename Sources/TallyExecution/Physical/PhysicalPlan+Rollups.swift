import TallyBase
import TallyPlanning
import TallyStorage

extension PhysicalPlanner {
  /// What a table of sums must have to answer the first aggregation; nil if the plan reads rows.
  static func rollupNeeds(
    _ scan: LogicalPlan.Scan, _ steps: [OperatorChain.Step]
  ) -> RollupNeeds? {
    guard scan.rowLimit == nil else { return nil }
    var filters: [BoundExpression] = []
    for step in steps {
      switch step {
      case .filter(let predicate): filters.append(predicate)
      case .aggregate(let aggregate):
        return RollupNeeds(scan, filters: filters, aggregate: aggregate)
      default: return nil
      }
    }
    return nil
  }
}

extension PhysicalPlan {
  /// What EXPLAIN says of where the answer comes from; nothing if only rows could have it.
  func sources(_ schema: Schema) -> [String] {
    guard let scan, let report = scan.rollupReport else { return [] }
    let segments = Set(scan.morsels.map(\.segment.info.id)).count
    return report.lines(schema, rowSegmentCount: segments)
  }

  /// Has the first aggregation take what was found in tables of sums.
  mutating func takeRollups(_ needs: RollupNeeds) throws(TallyError) {
    guard let scan, !scan.slices.isEmpty,
      let first = steps.firstIndex(where: \.isBreaker),
      case .aggregate(var aggregate) = steps[first]
    else { return }
    aggregate.takeSets()
    aggregate.dropAddedWitness()
    steps[first] = .aggregate(aggregate)
    let firstValue = scan.outputCount + scan.dayExpressions.count
    let layout = try PartialLayout(
      aggregate, needs: needs, columns: Array(scan.columns.prefix(scan.outputCount)),
      firstValue: firstValue)
    let testsTime = scan.sliceFacts.straddlesTimeRange
    rollups = RollupScan(
      needs: needs, slices: scan.slices, layout: layout, testsTime: testsTime,
      isRead: columnsRead(scan, aggregate, layout, testsTime: testsTime),
      rowCount: scan.sliceFacts.rowCount)
  }

  private func columnsRead(
    _ scan: ScanPlan, _ aggregate: AggregatePlan, _ layout: PartialLayout, testsTime: Bool
  ) -> [Bool] {
    var read: Set<Int> = []
    for key in aggregate.keys + aggregate.filters { read.formUnion(key.columnIndexes) }
    for (state, feed) in zip(aggregate.states, layout.feeds) {
      guard let argument = state.argument else { continue }
      switch feed {
      case .argument, .presence: read.formUnion(aggregate.arguments[argument].columnIndexes)
      default: break
      }
    }
    for predicate in scan.predicates {
      if let column = predicate.column { read.insert(column) }
      if case .general(let expression) = predicate { read.formUnion(expression.columnIndexes) }
    }
    for step in steps {
      guard case .filter(let predicate) = step else { break }
      read.formUnion(predicate.columnIndexes)
    }
    if testsTime, let time = scan.timeColumn { read.insert(time) }
    return scan.columns.indices.map { read.contains($0) }
  }
}

extension TimeBounds {
  /// Whether all rows of a segment lie inside.
  func contains(_ info: SegmentInfo) -> Bool {
    (start ?? .min) <= info.timeMinimum && (end ?? .max) > info.timeMaximum
  }
}

extension ScanPlan {
  /// Rows that are fed to the first step at most.
  var rowCountMax: Int {
    morsels.reduce(sliceFacts.rowCount) { $0 + $1.rowCount }
  }

  /// Events behind what is fed to the first step, at most.
  var eventCountMax: Int {
    morsels.reduce(sliceFacts.eventCount) { $0 + $1.rowCount }
  }
}
