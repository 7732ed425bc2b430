import TallyBase

/// `sum` of int64-backed values whose total provably fits 64 bits (the zone maps bound it).
final class NarrowSumState: AggregateState {
  private let sums: GroupLane

  init(_ sums: GroupLane) { self.sums = sums }

  func sum(_ group: Int) -> Int64 { sums[group] }

  override func resize(_ groupCount: Int) throws(TallyError) { try sums.resize(groupCount) }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    let base = unsafe sums.base
    if argument.deferred != nil, unsafe addDeferred(groups, argument, base) { return }
    if groups.runCount > 0 { return unsafe updateRuns(groups, argument, base) }
    if argument.hasNulls { return unsafe updateValid(groups, argument, base) }
    if argument.isConstant {
      let value = unsafe argument.int64s[0]
      if let group = groups.constant {
        unsafe base[Int(group) << sums.shift] &+= value &* Int64(groups.rowCount)
      } else {
        let ids = unsafe groups.ids
        for row in 0..<groups.rowCount { unsafe base[Int(ids[row]) &<< sums.shift] &+= value }
      }
      return
    }
    if let form = argument.narrow {
      let raws = unsafe UnsafePointer(argument.narrowValues)
      if let group = groups.constant {
        let total = unsafe SumKernel.sum(raws, groups.rowCount)
        unsafe base[Int(group) << sums.shift] &+=
          form.base &* Int64(groups.rowCount) &+ form.scale &* Int64(bitPattern: total)
      } else {
        unsafe SumKernel.add(
          raws, form.base, form.scale, groups.ids, groups.rowCount, to: base, shift: sums.shift)
      }
    } else if let group = groups.constant {
      unsafe base[Int(group) << sums.shift] &+= SumKernel.sum(argument.int64s, groups.rowCount)
    } else {
      unsafe SumKernel.add(
        argument.int64s, groups.ids, groups.rowCount, to: base, shift: sums.shift)
    }
  }

  /// Takes sums from the page itself where a group has many rows on end; else has it decoded.
  private func addDeferred(
    _ groups: GroupIDs, _ argument: Vector, _ base: UnsafeMutablePointer<Int64>
  ) -> Bool {
    guard let source = argument.deferred else { return false }
    if let group = groups.constant {
      unsafe base[Int(group) << sums.shift] &+= source.sum(rows: 0..<groups.rowCount)
      return true
    }
    guard groups.runCount > 0, let ends = unsafe groups.runEnds,
      groups.runCount * NarrowSumState.rowsPerRunMin <= groups.rowCount
    else {
      argument.decodeDeferred()
      return false
    }
    var start = 0
    for run in 0..<groups.runCount {
      let end = unsafe Int(ends[run])
      unsafe base[Int(groups.ids[run]) << sums.shift] &+= source.sum(rows: start..<end)
      start = end
    }
    return true
  }

  /// Shorter runs are summed faster from a decoded batch.
  static let rowsPerRunMin = 256

  /// Each run of rows is a plain sum.
  private func updateRuns(
    _ groups: GroupIDs, _ argument: Vector, _ base: UnsafeMutablePointer<Int64>
  ) {
    guard let ends = unsafe groups.runEnds else { return }
    if argument.isConstant, !argument.hasNulls {
      return unsafe updateRuns(groups, constant: argument.int64s[0], ends, base)
    }
    if argument.hasNulls { argument.flatten(rowCount: groups.rowCount) }
    let presence = unsafe argument.presence
    var start = 0
    for run in 0..<groups.runCount {
      let end = unsafe Int(ends[run])
      var total: Int64
      if let form = argument.narrow {
        let raw = unsafe SumKernel.sum(argument.narrowValues + start, end - start)
        total = form.base &* Int64(end - start) &+ form.scale &* Int64(bitPattern: raw)
      } else if let presence = unsafe presence {
        total = 0
        for row in start..<end {
          unsafe total &+= presence[row] == 0 ? 0 : argument.int64s[row]
        }
      } else {
        total = unsafe SumKernel.sum(argument.int64s + start, end - start)
      }
      unsafe base[Int(groups.ids[run]) << sums.shift] &+= total
      start = end
    }
  }

  private func updateRuns(
    _ groups: GroupIDs, constant value: Int64, _ ends: UnsafePointer<Int32>,
    _ base: UnsafeMutablePointer<Int64>
  ) {
    var start = 0
    for run in 0..<groups.runCount {
      let end = unsafe Int(ends[run])
      unsafe base[Int(groups.ids[run]) << sums.shift] &+= value &* Int64(end - start)
      start = end
    }
  }

  private func updateValid(
    _ groups: GroupIDs, _ argument: Vector, _ base: UnsafeMutablePointer<Int64>
  ) {
    argument.flatten(rowCount: groups.rowCount)
    let values = unsafe argument.int64s
    let validity = unsafe argument.validity
    for row in 0..<groups.rowCount {
      let group = unsafe Int(groups.constant ?? groups.ids[row])
      unsafe base[group << sums.shift] &+= validity[row] == 0 ? 0 : values[row]
    }
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? NarrowSumState else { return }
    for group in 0..<groupCount {
      sums[mapping.map { Int($0[group]) } ?? group] &+= other.sums[group]
    }
  }
}

/// `sum` of integers or decimals in 128 bits; an overflow of those is an error.
final class WideSumState: AggregateState {
  private let sums: GroupArray<Int128>

  init(budget: MemoryBudget) { sums = GroupArray(budget: budget) }

  func sum(_ group: Int) -> Int128 { sums[group] }

  override func resize(_ groupCount: Int) throws(TallyError) { try sums.resize(groupCount) }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    argument.flatten(rowCount: groups.rowCount)
    let isNarrow = argument.layout == .int64
    let didOverflow =
      isNarrow
      ? unsafe add(groups, argument.presence) { Int128(unsafe argument.int64s[$0]) }
      : unsafe add(groups, argument.presence) { unsafe argument.int128s[$0] }
    if didOverflow { throw WideSumState.overflow }
  }

  /// Adds `value(row)` of every present row; true if a sum overflowed.
  @inline(__always)
  private func add(
    _ groups: GroupIDs, _ presence: UnsafeMutablePointer<UInt8>?, _ value: (Int) -> Int128
  ) -> Bool {
    let base = unsafe sums.base
    var didOverflow = false
    for row in 0..<groups.rowCount {
      if let presence = unsafe presence, unsafe presence[row] == 0 { continue }
      let group = unsafe Int(groups.constant ?? groups.ids[row])
      let (total, overflow) = unsafe base[group].addingReportingOverflow(value(row))
      unsafe base[group] = total
      didOverflow = didOverflow || overflow
    }
    return didOverflow
  }

  private static let overflow = TallyError(
    .invalidArgument, "a sum is out of the range of 128-bit integers")

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? WideSumState else { return }
    for group in 0..<groupCount {
      let target = mapping.map { Int($0[group]) } ?? group
      let (total, overflow) = sums[target].addingReportingOverflow(other.sums[group])
      if overflow { throw WideSumState.overflow }
      sums[target] = total
    }
  }
}

/// `sum` of doubles with Neumaier's compensation, which keeps the error independent of the count
/// and nearly independent of the order (Neumaier, ZAMM 54, 1974).
final class DoubleSumState: AggregateState {
  private let sums: GroupArray<Double>
  private let corrections: GroupArray<Double>

  init(budget: MemoryBudget) {
    sums = GroupArray(budget: budget)
    corrections = GroupArray(budget: budget)
  }

  func sum(_ group: Int) -> Double {
    let total = sums[group] + corrections[group]
    return total.isNaN ? sums[group] : total
  }

  override func resize(_ groupCount: Int) throws(TallyError) {
    try sums.resize(groupCount)
    try corrections.resize(groupCount)
  }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    argument.flatten(rowCount: groups.rowCount)
    for row in 0..<groups.rowCount where !argument.isNull(row) {
      add(unsafe argument.doubles[row], unsafe Int(groups.constant ?? groups.ids[row]))
    }
  }

  private func add(_ value: Double, _ group: Int) {
    let sum = sums[group]
    let total = sum + value
    let lost = abs(sum) >= abs(value) ? (sum - total) + value : (value - total) + sum
    sums[group] = total
    corrections[group] += lost
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? DoubleSumState else { return }
    for group in 0..<groupCount {
      let target = mapping.map { Int($0[group]) } ?? group
      add(other.sums[group], target)
      corrections[target] += other.corrections[group]
    }
  }
}
