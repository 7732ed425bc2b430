import TallyBase

/// What one aggregate keeps for every group. One object a worker; merged at the end.
class AggregateState {
  /// Makes room for groups `0..<groupCount`.
  func resize(_ groupCount: Int) throws(TallyError) {}

  /// Takes in the rows of a batch. `argument` has `groups.rowCount` rows; NULLs are skipped.
  func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {}

  /// Adds another worker's state; its group i is `mapping[i]` here (nil: the same).
  func merge(_ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int) throws(TallyError) {}

  /// Whether a group has rows, once sealed. Asked only of a plan's witness.
  func isOccupied(_ group: Int) -> Bool { true }

  /// Called once after the last update, before any result is read.
  func seal(groupCount: Int) throws(TallyError) {}
}
