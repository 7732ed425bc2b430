import TallyBase

/// `min` and `max` of fixed-width values. A group without values keeps the filler; the count state
/// beside it says so.
@safe final class ExtremeState<Element: Comparable & BitwiseCopyable>: AggregateState {
  private let best: GroupArray<Element>
  private let isMinimum: Bool
  private let values: (Vector) -> UnsafeMutablePointer<Element>

  init(
    isMinimum: Bool, filler: Element, budget: MemoryBudget,
    values: @escaping (Vector) -> UnsafeMutablePointer<Element>
  ) {
    self.isMinimum = isMinimum
    unsafe self.values = values
    best = GroupArray(filler: filler, budget: budget)
  }

  func value(_ group: Int) -> Element { best[group] }

  override func resize(_ groupCount: Int) throws(TallyError) { try best.resize(groupCount) }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    argument.flatten(rowCount: groups.rowCount)
    let values = unsafe self.values(argument)
    let base = unsafe best.base
    let presence = unsafe argument.presence
    let isMinimum = isMinimum
    for row in 0..<groups.rowCount {
      if let presence = unsafe presence, unsafe presence[row] == 0 { continue }
      let group = unsafe Int(groups.constant ?? groups.ids[row])
      let value = unsafe values[row]
      if unsafe isMinimum ? value < base[group] : value > base[group] {
        unsafe base[group] = value
      }
    }
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? ExtremeState<Element> else { return }
    for group in 0..<groupCount {
      let target = mapping.map { Int($0[group]) } ?? group
      let value = other.best[group]
      if isMinimum ? value < best[target] : value > best[target] { best[target] = value }
    }
  }
}

/// `min` and `max` of text, in byte order.
final class TextExtremeState: AggregateState {
  private let best: GroupArray<SymbolCode>
  private let isMinimum: Bool
  private(set) var pool: TextPool?

  init(isMinimum: Bool, budget: MemoryBudget) {
    self.isMinimum = isMinimum
    best = GroupArray(budget: budget)
  }

  func code(_ group: Int) -> SymbolCode { best[group] }

  override func resize(_ groupCount: Int) throws(TallyError) { try best.resize(groupCount) }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument, let pool = argument.pool else { return }
    self.pool = pool
    argument.flatten(rowCount: groups.rowCount)
    try pool.withTable { (table) throws(TallyError) in
      for row in 0..<groups.rowCount {
        offer(
          unsafe argument.codes[row], unsafe Int(groups.constant ?? groups.ids[row]), table)
      }
    }
  }

  private func offer(_ code: SymbolCode, _ group: Int, _ table: borrowing StringTable) {
    guard code != nullSymbolCode, code != best[group] else { return }
    let current = best[group]
    if current != nullSymbolCode {
      let isLess = table[code].lexicographicallyPrecedes(table[current])
      guard isLess == isMinimum else { return }
    }
    best[group] = code
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? TextExtremeState, let pool = other.pool else { return }
    self.pool = pool
    try pool.withTable { (table) throws(TallyError) in
      for group in 0..<groupCount {
        offer(other.best[group], mapping.map { Int($0[group]) } ?? group, table)
      }
    }
  }
}
