import TallyBase

/// The values of every group, for exact quantiles.
///
/// Values of a small range (in units of the column's granularity, as thousandths that are all
/// whole milliseconds) are counted in a histogram, one counter a value and group: counting is the
/// fastest exact selection. Anything else is kept as (group, value) pairs and selected from at the
/// end. A histogram that meets a value between its units turns into pairs.
final class QuantileState: AggregateState {
  private var histogram: Histogram?
  private let pairs: GroupedValues<Int64>
  private let budget: MemoryBudget

  /// Counters of `binCount` consecutive multiples of `unit` from `minimum`, for every group.
  private struct Histogram {
    var minimum: Int64
    var unit: Int64
    var binCount: Int
    var bins: GroupArray<UInt32>
  }

  /// - Parameter range: bounds of the values when known, and the number of groups expected; with
  ///   these the histogram is tried.
  init(
    range: (minimum: Int64, maximum: Int64, unit: Int64)?, groupCount: Int?, budget: MemoryBudget
  ) {
    self.budget = budget
    pairs = GroupedValues(budget: budget)
    guard let range, let groupCount, range.unit > 0 else { return }
    let (difference, overflow) = range.maximum.subtractingReportingOverflow(range.minimum)
    guard !overflow, difference >= 0 else { return }
    let binCount = difference / range.unit + 1
    let (slots, tooMany) = binCount.multipliedReportingOverflow(by: Int64(groupCount))
    guard !tooMany, slots <= QuantileState.binCountMax else { return }
    histogram = Histogram(
      minimum: range.minimum, unit: range.unit, binCount: Int(binCount),
      bins: GroupArray(budget: budget))
  }

  /// 64 MiB of counters, most of which are never touched.
  private static let binCountMax: Int64 = 1 << 24

  override func resize(_ groupCount: Int) throws(TallyError) {
    if let histogram { try histogram.bins.resize(groupCount * histogram.binCount) }
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
        unsafe countNarrow(
          groups, argument.narrowValues, offset / histogram.unit, form.scale / histogram.unit)
        return true
      }
    }
    argument.flatten(rowCount: groups.rowCount)
    let values = unsafe argument.int64s
    let presence = unsafe argument.presence
    let (minimum, unit) = (histogram.minimum, histogram.unit)
    let binCount = histogram.binCount
    if unit != 1 {
      for row in 0..<groups.rowCount {
        if let presence = unsafe presence, unsafe presence[row] == 0 { continue }
        if unsafe (values[row] &- minimum) % unit != 0 { return false }
      }
    }
    let bins = unsafe histogram.bins.base
    for row in 0..<groups.rowCount {
      if let presence = unsafe presence, unsafe presence[row] == 0 { continue }
      let group = unsafe Int(groups.constant ?? groups.ids[row])
      let bin = unsafe Int((values[row] &- minimum) / unit)
      guard bin >= 0, bin < binCount else { continue }
      unsafe bins[group &* binCount &+ bin] &+= 1
    }
    return true
  }

  private func countNarrow(
    _ groups: GroupIDs, _ raws: UnsafePointer<UInt32>, _ offset: Int64, _ scale: Int64
  ) {
    guard let histogram else { return }
    let bins = unsafe histogram.bins.base
    let binCount = histogram.binCount
    let last = binCount - 1
    if let group = groups.constant {
      let slice = unsafe bins + Int(group) * binCount
      for row in 0..<groups.rowCount {
        unsafe slice[min(Int(offset &+ scale &* Int64(raws[row])), last)] &+= 1
      }
    } else {
      let ids = unsafe groups.ids
      for row in 0..<groups.rowCount {
        let bin = unsafe min(Int(offset &+ scale &* Int64(raws[row])), last)
        unsafe bins[Int(ids[row]) &* binCount &+ bin] &+= 1
      }
    }
  }

  /// Rewrites the counters as pairs.
  private func abandonHistogram() throws(TallyError) {
    guard let old = histogram else { return }
    histogram = nil
    for slot in 0..<old.bins.count {
      let repeats = Int(old.bins[slot])
      guard repeats > 0 else { continue }
      let (group, bin) = slot.quotientAndRemainder(dividingBy: old.binCount)
      try pairs.append(
        old.minimum &+ Int64(bin) &* old.unit, group: UInt32(group), repeats: repeats)
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
      for group in 0..<groupCount {
        let target =
          unsafe mine.bins.base + (mapping.map { Int($0[group]) } ?? group) * mine.binCount
        let source = unsafe theirs.bins.base + group * theirs.binCount
        for bin in 0..<mine.binCount { unsafe target[bin] &+= source[bin] }
      }
      return
    }
    try abandonHistogram()
    try other.abandonHistogram()
    try pairs.append(other.pairs, mapping)
  }

  override func seal(groupCount: Int) throws(TallyError) {
    if histogram == nil { try pairs.seal(groupCount: groupCount) }
  }

  /// Number of values of a group.
  func count(_ group: Int) -> Int {
    if let histogram {
      let bins = unsafe histogram.bins.base + group * histogram.binCount
      var total = 0
      for bin in 0..<histogram.binCount { unsafe total &+= Int(bins[bin]) }
      return total
    }
    return pairs.count(group)
  }

  /// The values of ascending ranks `low` and `low + 1` (the last one twice at the end) of a group.
  /// `low < count(group)`.
  func values(_ group: Int, rank low: Int) -> (Int64, Int64) {
    if let histogram { return QuantileState.valuesInBins(histogram, group, low) }
    return pairs.values(group, rank: low)
  }

  private static func valuesInBins(
    _ histogram: Histogram, _ group: Int, _ low: Int
  ) -> (Int64, Int64) {
    let bins = unsafe histogram.bins.base + group * histogram.binCount
    var before = 0
    var bin = 0
    // Whole blocks of bins first: their sums vectorise.
    while bin + 256 <= histogram.binCount {
      var block = 0
      for index in bin..<(bin + 256) { unsafe block &+= Int(bins[index]) }
      if before + block > low { break }
      before += block
      bin += 256
    }
    while bin < histogram.binCount, unsafe before + Int(bins[bin]) <= low {
      unsafe before += Int(bins[bin])
      bin += 1
    }
    let first = histogram.minimum &+ Int64(bin) &* histogram.unit
    if bin < histogram.binCount, unsafe low + 1 < before + Int(bins[bin]) { return (first, first) }
    var next = bin + 1
    while next < histogram.binCount, unsafe bins[next] == 0 { next += 1 }
    guard next < histogram.binCount else { return (first, first) }
    return (first, histogram.minimum &+ Int64(next) &* histogram.unit)
  }
}
