internal import CTallyKernels
import TallyBase

/// `count(*)` and `count(x)`: rows, or rows whose argument is not NULL.
final class CountState: AggregateState {
  private let counts: GroupLane

  init(_ counts: GroupLane) { self.counts = counts }

  func count(_ group: Int) -> Int64 { counts[group] }

  /// The count of group `g` lies at `g << shift`.
  var base: UnsafeMutablePointer<Int64> { unsafe counts.base }
  var shift: Int { counts.shift }

  override func resize(_ groupCount: Int) throws(TallyError) { try counts.resize(groupCount) }

  override func isOccupied(_ group: Int) -> Bool { counts[group] > 0 }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    let base = unsafe counts.base
    if groups.runCount > 0 { return countRuns(groups, argument) }
    if let argument, argument.hasNulls || argument.layout == .code {
      unsafe countPresent(groups, argument, base)
    } else if let group = groups.constant {
      unsafe base[Int(group) << shift] &+= Int64(groups.rowCount)
    } else if shift > 0 {
      let ids = unsafe groups.ids
      for row in 0..<groups.rowCount { unsafe base[Int(ids[row]) &<< shift] &+= 1 }
    } else {
      // SAFETY: ids are below the number of groups, for which there is a counter each.
      unsafe tally_count_groups(groups.ids, groups.rowCount, base)
    }
  }

  private func countRuns(_ groups: GroupIDs, _ argument: Vector?) {
    argument?.flatten(rowCount: groups.rowCount)
    let canBeNull = argument.map { $0.hasNulls || $0.layout == .code } ?? false
    var start = 0
    for run in 0..<groups.runCount {
      guard let ends = unsafe groups.runEnds else { return }
      let end = unsafe Int(ends[run])
      var present = end - start
      if let argument, canBeNull {
        for row in start..<end where argument.isNull(row) { present -= 1 }
      }
      unsafe counts.base[Int(groups.ids[run]) << shift] &+= Int64(present)
      start = end
    }
  }

  private func countPresent(
    _ groups: GroupIDs, _ argument: Vector, _ base: UnsafeMutablePointer<Int64>
  ) {
    argument.flatten(rowCount: groups.rowCount)
    let ids = unsafe groups.ids
    let constant = groups.constant
    if argument.layout == .code {
      let codes = unsafe argument.codes
      for row in 0..<groups.rowCount {
        let group = unsafe Int(constant ?? ids[row])
        unsafe base[group << shift] &+= codes[row] == nullSymbolCode ? 0 : 1
      }
    } else {
      let validity = unsafe argument.validity
      for row in 0..<groups.rowCount {
        let group = unsafe Int(constant ?? ids[row])
        unsafe base[group << shift] &+= Int64(validity[row])
      }
    }
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? CountState else { return }
    for group in 0..<groupCount {
      counts[mapping.map { Int($0[group]) } ?? group] += other.counts[group]
    }
  }
}
