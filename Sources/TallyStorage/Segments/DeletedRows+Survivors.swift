extension DeletedRows {
  /// Writes the rows of `rows` that live, counted from its first, ascending.
  ///
  /// - Parameters:
  ///   - rows: at most 65,536 rows of the segment.
  ///   - target: has room for as many entries as `rows` has.
  /// - Returns: the number written.
  package func survivors(
    of rows: Range<Int>, into target: UnsafeMutablePointer<UInt16>
  ) -> Int {
    if words.isEmpty { return unsafe listSurvivors(of: rows, into: target) }
    var kept = 0
    for row in rows {
      // SAFETY: at most one entry a row is written; the last write of a dead row is overwritten or
      // lies behind those that count.
      unsafe target[kept] = UInt16(truncatingIfNeeded: row &- rows.lowerBound)
      kept &+= contains(row) ? 0 : 1
    }
    return kept
  }

  private func listSurvivors(
    of rows: Range<Int>, into target: UnsafeMutablePointer<UInt16>
  ) -> Int {
    var kept = 0
    var row = rows.lowerBound
    for dead in list[listPosition(of: rows.lowerBound)...] {
      let end = min(Int(dead), rows.upperBound)
      while row < end {
        // SAFETY: one entry is written for each living row of `rows`.
        unsafe target[kept] = UInt16(truncatingIfNeeded: row &- rows.lowerBound)
        kept &+= 1
        row &+= 1
      }
      if end == rows.upperBound { return kept }
      row = end &+ 1
    }
    while row < rows.upperBound {
      // SAFETY: as above.
      unsafe target[kept] = UInt16(truncatingIfNeeded: row &- rows.lowerBound)
      kept &+= 1
      row &+= 1
    }
    return kept
  }
}

extension StoreSnapshot {
  /// Rows of a segment that are not dead.
  package func rowCount(of info: SegmentInfo) -> Int {
    info.rowCount &- (deletedRows[info.id]?.count ?? 0)
  }
}

extension StoreSnapshot {
  /// This state with further rows dead.
  ///
  /// - Parameter rows: by segment id; as many rows as the segment has.
  package func deleting(_ rows: [UInt64: DeletedRows]) -> StoreSnapshot {
    var changed = self
    for (id, dead) in rows where !dead.isEmpty {
      guard var known = deletedRows[id] else {
        changed.deletedRows[id] = dead
        continue
      }
      known.formUnion(dead)
      changed.deletedRows[id] = known
    }
    return changed
  }
}
