import TallyBase
import TallyPlanning
import TallyStorage

/// Rows of tables of sums join the groups of rows: keys and conditions are computed alike, and
/// states add what was summed up.
extension AggregateSink {
  func process(_ batch: Batch, _ partial: PartialInput) throws(TallyError) {
    let table = try currentTable(batch)
    let groups = try assignGroups(batch, table).withoutRuns()
    for (index, specification) in plan.states.enumerated() where specification.filter == nil {
      try feed(index, groups, batch, table, partial)
    }
    for filter in filterNodes.indices {
      guard let input = try select(filter, batch, groups) else { continue }
      for (index, specification) in plan.states.enumerated()
      where specification.filter == filter {
        try feed(index, input.groups, input.batch, table, partial)
      }
    }
  }

  private func feed(
    _ index: Int, _ groups: GroupIDs, _ batch: Batch, _ table: AggregateTable,
    _ partial: PartialInput
  ) throws(TallyError) {
    let state = table.states[index]
    let argument = plan.states[index].argument
    let first = partial.layout.firstValue
    switch partial.layout.feeds[index] {
    case .counts(let column):
      try count(groups, batch.columns[column], present: nil, state)
    case .values(let column): try state.update(groups, batch.columns[column])
    case .argument:
      let vector = try argument.map { (wanted) throws(TallyError) in
        try evaluate(wanted, batch)
      }
      try state.update(groups, vector)
    case .presence(let rows):
      let vector = try argument.map { (wanted) throws(TallyError) in
        try evaluate(wanted, batch)
      }
      try count(groups, batch.columns[rows], present: vector, state)
    case .sets(let column):
      try addSets(groups, batch, column, partial.bitmaps[column - first], state)
    case .histograms(let column):
      try addHistograms(groups, batch.columns[column], partial.histograms[column - first], state)
    }
  }

  private func count(
    _ groups: GroupIDs, _ counts: Vector, present: Vector?, _ state: AggregateState
  ) throws(TallyError) {
    guard let state = state as? CountState else { throw AggregateSink.mismatch }
    state.add(groups, counts, present: present)
  }

  private func addSets(
    _ groups: GroupIDs, _ batch: Batch, _ column: Int, _ bitmaps: [CodeBitmap],
    _ state: AggregateState
  ) throws(TallyError) {
    let vector = batch.columns[column]
    guard let state = state as? BitmapDistinctState else { throw AggregateSink.mismatch }
    try state.add(groups, vector, bitmaps)
  }

  private func addHistograms(
    _ groups: GroupIDs, _ vector: Vector, _ histograms: [PartialHistogram],
    _ state: AggregateState
  ) throws(TallyError) {
    guard let state = state as? HistogramState else { throw AggregateSink.mismatch }
    vector.flatten(rowCount: groups.rowCount)
    for row in 0..<groups.rowCount {
      let group = unsafe Int(groups.constant ?? groups.ids[row])
      switch histograms[Int(unsafe vector.int64s[row])] {
      case .none: continue
      case .bucket(let bucket, let count): try state.add(bucket, count: count, group: group)
      case .row(let all, let index): try state.add(all, row: index, group: group)
      }
    }
  }

  private static let mismatch = TallyError(
    .internal, "an aggregate's state does not take what a rollup has summed up")
}

extension GroupIDs {
  /// The same groups; vectors of sums are flat, so runs never occur.
  fileprivate func withoutRuns() -> GroupIDs {
    unsafe GroupIDs(ids: ids, constant: constant, rowCount: rowCount)
  }
}

extension CountState {
  /// Adds the counts of rows, of those only where `present`, if given, is not NULL.
  func add(_ groups: GroupIDs, _ counts: Vector, present: Vector?) {
    counts.flatten(rowCount: groups.rowCount)
    present?.flatten(rowCount: groups.rowCount)
    let base = unsafe self.base
    let numbers = unsafe counts.int64s
    for row in 0..<groups.rowCount {
      if let present, present.isNull(row) { continue }
      unsafe base[Int(groups.constant ?? groups.ids[row]) << shift] &+= numbers[row]
    }
  }
}
