internal import CTallyKernels
import TallyBase

/// `count(distinct x)` over codes of a small dictionary: one flag for each group and code.
final class FlagDistinctState: AggregateState {
  private let flags: GroupArray<UInt8>
  private let domain: Int

  /// - Parameter domain: codes are `0..<domain`; 0 is NULL and not counted.
  init(domain: Int, budget: MemoryBudget) {
    self.domain = domain
    flags = GroupArray(budget: budget)
  }

  func count(_ group: Int) -> Int64 {
    var total: Int64 = 0
    let base = unsafe flags.base + group * domain
    for code in 1..<max(domain, 1) { unsafe total &+= Int64(base[code]) }
    return total
  }

  override func isOccupied(_ group: Int) -> Bool { count(group) > 0 }

  override func resize(_ groupCount: Int) throws(TallyError) {
    try flags.resize(groupCount * domain)
  }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    argument.flatten(rowCount: groups.rowCount)
    let codes = unsafe argument.codes
    let base = unsafe flags.base
    if let group = groups.constant {
      let slice = unsafe base + Int(group) * domain
      for row in 0..<groups.rowCount { unsafe slice[Int(codes[row])] = 1 }
    } else {
      // SAFETY: ids are below the number of groups and codes below `domain`.
      unsafe tally_mark_pairs(groups.ids, codes, groups.rowCount, domain, base)
    }
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? FlagDistinctState else { return }
    for group in 0..<groupCount {
      let target = unsafe flags.base + (mapping.map { Int($0[group]) } ?? group) * domain
      let source = unsafe other.flags.base + group * domain
      for code in 0..<domain { unsafe target[code] |= source[code] }
    }
  }
}

/// `count(distinct x)` over any value: a set of (group, value) pairs.
final class SetDistinctState: AggregateState {
  private let pairs: PairTable
  /// High halves of 128-bit values, chained before the pair.
  private let highs: PairTable
  private let counts: GroupArray<Int64>

  init(budget: MemoryBudget) throws(TallyError) {
    pairs = try PairTable(budget: budget)
    highs = try PairTable(budget: budget)
    counts = GroupArray(budget: budget)
  }

  func count(_ group: Int) -> Int64 { counts[group] }

  override func isOccupied(_ group: Int) -> Bool { counts[group] > 0 }

  override func resize(_ groupCount: Int) throws(TallyError) { try counts.resize(groupCount) }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    argument.flatten(rowCount: groups.rowCount)
    let presence = unsafe argument.presence
    for row in 0..<groups.rowCount {
      if let presence = unsafe presence, unsafe presence[row] == 0 { continue }
      let group = unsafe groups.constant ?? groups.ids[row]
      switch argument.layout {
      case .int64: try add(UInt64(bitPattern: unsafe argument.int64s[row]), group)
      case .code:
        let code = unsafe argument.codes[row]
        if code != nullSymbolCode { try add(UInt64(code), group) }
      case .bool: try add(UInt64(unsafe argument.bools[row]), group)
      case .double:
        try add(UInt64(bitPattern: TotalOrder.key(unsafe argument.doubles[row])), group)
      case .int128:
        let value = unsafe argument.int128s[row]
        try addWide(value, group)
      }
    }
  }

  private func add(_ word: UInt64, _ group: UInt32) throws(TallyError) {
    if try pairs.intern(word, after: group).isNew { counts[Int(group)] += 1 }
  }

  /// The pair (group, high half) gets an id of its own, above all group numbers' reach because it
  /// lives in a table of its own.
  private func addWide(_ value: Int128, _ group: UInt32) throws(TallyError) {
    let high = try highs.intern(UInt64(truncatingIfNeeded: value >> 64), after: group).id
    if try pairs.intern(UInt64(truncatingIfNeeded: value), after: high).isNew {
      counts[Int(group)] += 1
    }
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? SetDistinctState else { return }
    let isWide = other.highs.count > 0
    for id in 0..<other.pairs.count {
      let word = other.pairs.word(id)
      let prior = other.pairs.previous(id)
      if isWide {
        let group = other.highs.previous(Int(prior))
        let high = Int128(Int64(bitPattern: other.highs.word(Int(prior))))
        try addWide((high << 64) | Int128(word), mapping?[Int(group)] ?? group)
      } else {
        try add(word, mapping?[Int(prior)] ?? prior)
      }
    }
  }

}
