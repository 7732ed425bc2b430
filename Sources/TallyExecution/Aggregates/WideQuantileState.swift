import TallyBase

/// The values of every group for exact quantiles of 128-bit numbers.
final class WideQuantileState: AggregateState {
  private let pairs: GroupedValues<Int128>

  init(budget: MemoryBudget) { pairs = GroupedValues(budget: budget) }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    argument.flatten(rowCount: groups.rowCount)
    let values = unsafe argument.int128s
    unsafe try pairs.append(groups, argument.presence) { unsafe values[$0] }
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? WideQuantileState else { return }
    try pairs.append(other.pairs, mapping)
  }

  override func seal(groupCount: Int) throws(TallyError) {
    try pairs.seal(groupCount: groupCount)
  }

  func count(_ group: Int) -> Int { pairs.count(group) }

  override func isOccupied(_ group: Int) -> Bool { count(group) > 0 }

  func values(_ group: Int, rank low: Int) -> (Int128, Int128) {
    pairs.values(group, rank: low)
  }
}
