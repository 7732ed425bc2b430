import TallyBase

/// The values of every group, for exact quantiles.
///
/// Values of a small range (in units of the column's granularity, as thousandths that are all
/// whole milliseconds) are counted in a histogram, one counter a value and group: counting is the
/// fastest exact selection. Anything else is kept as (group, value) pairs and selected from at the
/// end. A histogram that meets a value between its units turns into pairs.
final class QuantileState: AggregateState {
  private var histogram: BinnedValues?
  private let pairs: GroupedValues<Int64>
  private let budget: MemoryBudget

  /// - Parameter range: bounds of the values when known, and the number of groups expected; with
  ///   these the histogram is tried.
  init(
    range: (minimum: Int64, maximum: Int64, unit: Int64)?, groupCount: Int?, budget: MemoryBudget
  ) {
    self.budget = budget
    pairs = GroupedValues(budget: budget)
    guard let range, let groupCount, range.unit > 0 else { return }
    let (difference, overflow) = range.maximum.subtractingReportingOverflow(range.minimum)
    guard !overflow, difference >= 0, difference / range.unit < QuantileState.binCountMax
    else { return }
    let binCount = difference / range.unit + 1
    let (slots, tooMany) = BinnedValues.slotCount(binCount: binCount)
      .multipliedReportingOverflow(by: Int64(groupCount))
    guard !tooMany, slots <= QuantileState.binCountMax else { return }
    histogram = BinnedValues(
      minimum: range.minimum, unit: range.unit, binCount: Int(binCount), budget: budget)
  }

  /// 64 MiB of counters, most of which are never touched.
  private static let binCountMax: Int64 = 1 << 24

  override func resize(_ groupCount: Int) throws(TallyError) {
    try histogram?.resize(groupCount)
  }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    if argument.isConstant { argument.flatten(rowCount: groups.rowCount) }
    if histogram != nil {
      if countInBins(groups, argument) { return }
      try abandonHistogram()
    }
    try append(groups, argument)
  }

  /// Adds the batch to the histogram; false (nothing added) if a value lies between units.
  private func countInBins(_ groups: GroupIDs, _ argument: Vector) -> Bool {
    guard let histogram, argument.layout == .int64 else { return false }
    if let form = argument.narrow, !argument.hasNulls {
      let offset = form.base &- histogram.minimum
      if offset >= 0, offset % histogram.unit == 0, form.scale % histogram.unit == 0 {
        unsafe histogram.add(
          groups, argument.narrowValues, offset: offset / histogram.unit,
          scale: form.scale / histogram.unit)
        return true
      }
    }
    argument.flatten(rowCount: groups.rowCount)
    let values = unsafe argument.int64s
    let presence = unsafe argument.presence
    let (minimum, unit) = (histogram.minimum, histogram.unit)
    if unit != 1 {
      for row in 0..<groups.rowCount {
        if let presence = unsafe presence, unsafe presence[row] == 0 { continue }
        if unsafe (values[row] &- minimum) % unit != 0 { return false }
      }
    }
    for row in 0..<groups.rowCount {
      if let presence = unsafe presence, unsafe presence[row] == 0 { continue }
      let group = unsafe Int(groups.constant ?? groups.ids[row])
      histogram.add(bin: unsafe Int((values[row] &- minimum) / unit), group: group)
    }
    return true
  }

  /// Rewrites the counters as pairs.
  private func abandonHistogram() throws(TallyError) {
    guard let old = histogram else { return }
    histogram = nil
    try old.forEach { (group, value, repeats) throws(TallyError) in
      try pairs.append(value, group: UInt32(truncatingIfNeeded: group), repeats: repeats)
    }
  }

  private func append(_ groups: GroupIDs, _ argument: Vector) throws(TallyError) {
    argument.flatten(rowCount: groups.rowCount)
    let presence = unsafe argument.presence
    if argument.layout == .double {
      unsafe try pairs.append(groups, presence) { TotalOrder.key(unsafe argument.doubles[$0]) }
    } else {
      let values = unsafe argument.int64s
      unsafe try pairs.append(groups, presence) { unsafe values[$0] }
    }
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? QuantileState else { return }
    if let mine = histogram, let theirs = other.histogram, mine.unit == theirs.unit {
      mine.merge(theirs, mapping, groupCount: groupCount)
      return
    }
    try abandonHistogram()
    try other.abandonHistogram()
    try pairs.append(other.pairs, mapping)
  }

  override func seal(groupCount: Int) throws(TallyError) {
    if let histogram { histogram.seal() } else { try pairs.seal(groupCount: groupCount) }
  }

  /// Number of values of a group.
  func count(_ group: Int) -> Int { histogram?.count(group) ?? pairs.count(group) }

  override func isOccupied(_ group: Int) -> Bool { count(group) > 0 }

  /// The values of ascending ranks `low` and `low + 1` (the last one twice at the end) of a group.
  /// `low < count(group)`.
  func values(_ group: Int, rank low: Int) -> (Int64, Int64) {
    histogram?.values(group, rank: low) ?? pairs.values(group, rank: low)
  }
}
