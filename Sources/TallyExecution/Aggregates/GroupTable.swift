import TallyBase

/// Gives every row of a batch its group. One object a worker.
@safe class GroupTable {
  /// Ids of the rows of the latest batch.
  let ids: UnsafeMutablePointer<UInt32>

  init() {
    unsafe ids = .allocate(capacity: Vector.rowCountMax)
    unsafe ids.initialize(repeating: 0, count: Vector.rowCountMax)
  }

  deinit { unsafe ids.deallocate() }

  /// Whether all states take groups as runs of rows.
  var takesRuns = false

  /// Whether it must remember which groups have rows.
  var marksRows = true

  /// Group ids are below this.
  var groupCount: Int { 1 }

  /// Groups that have rows, ascending by id.
  func occupiedGroups() -> [UInt32] { [0] }

  /// The same, as somebody else knows it.
  func occupiedGroups(where isOccupied: (Int) -> Bool) -> [UInt32] { occupiedGroups() }

  func assign(_ keys: [Vector], rowCount: Int) throws(TallyError) -> GroupIDs {
    unsafe GroupIDs(ids: ids, constant: 0, rowCount: rowCount)
  }

  /// Takes over another worker's groups; returns the id here of each of its ids, nil if the same.
  func merge(_ other: GroupTable) throws(TallyError) -> [UInt32]? { nil }

  /// Writes the keys of groups into the rows of the vectors, which are reset and flat.
  func restore(_ groups: ArraySlice<UInt32>, into vectors: [Vector]) {}
}
