import TallyBase

extension WriteBuffer {
  /// The committed state, in which also those rows are dead that buffered rows have replaced.
  ///
  /// - Parameter committed: reads the committed state; called with the buffer's lock held.
  func settled(
    _ committed: () throws(TallyError) -> StoreSnapshot
  ) throws(TallyError) -> StoreSnapshot {
    try exclusively { (state) throws(TallyError) in
      var snapshot = try committed()
      var deleted = snapshot.deletedRows
      for generation in [state.frozen, state.active] {
        guard let generation else { continue }
        snapshot.delete(generation.committedDeletions, in: &deleted)
      }
      snapshot.deletedRows = deleted
      return snapshot
    }
  }

  /// Runs `commit`, by which an import's segments join the store, and settles which of its rows
  /// and the buffer's stay that are the same events: the import's came later. To everyone else
  /// both happen at once.
  ///
  /// Called with the store's publishing lock held, which comes before the buffer's own.
  ///
  /// - Parameter imported: the segments, already under their committed names.
  /// - Returns: what `commit` returns, and rows of the import whose event the buffer had.
  /// - Throws: what `commit` throws; `io`, `corruption` from reading the segments. Nothing has
  ///   changed then.
  func joining(
    _ imported: [SegmentReader], key: Fingerprinter,
    commit: () throws(TallyError) -> StoreSnapshot
  ) throws(TallyError) -> (snapshot: StoreSnapshot, duplicateCount: Int) {
    try exclusively { (state) throws(TallyError) in
      let equals = try state.equals(in: imported, key)
      let snapshot = try commit()
      return (snapshot, state.settle(equals, in: snapshot))
    }
  }
}

/// A row of an import and one of the buffer that are the same event.
struct ImportedEqual {
  var segmentID: UInt64
  var row: Int
  var tokenCount: Int64
  var isFrozen: Bool
  var entry: BufferIdentities.Entry
}

extension WriteBuffer.State {
  /// All pairs of equal rows, those of one imported row after each other.
  ///
  /// - Complexity: one probe of each segment in the window for each of the buffer's rows.
  fileprivate func equals(
    in imported: [SegmentReader], _ key: Fingerprinter
  ) throws(TallyError) -> [ImportedEqual] {
    var equals: [ImportedEqual] = []
    for (isFrozen, generation) in [(false, active), (true, frozen)] {
      guard let generation else { continue }
      let entries = generation.identities.entries.filter {
        generation.dead[$0.day]?.contains($0.row) != true
      }.sorted { $0.fingerprint < $1.fingerprint }
      guard !entries.isEmpty else { continue }
      let fingerprints = entries.map(\.fingerprint)
      var hits: [UInt32] = []
      for reader in imported {
        guard let index = try reader.identityIndex(key) else { continue }
        index.probe(fingerprints, into: &hits)
        for hit in hits {
          equals += try generation.equals(of: entries[Int(hit)], in: reader, index).map {
            ImportedEqual(
              segmentID: reader.info.id, row: $0.row, tokenCount: $0.tokenCount,
              isFrozen: isFrozen, entry: entries[Int(hit)])
          }
        }
      }
    }
    return equals.sorted { ($0.segmentID, $0.row) < ($1.segmentID, $1.row) }
  }

  /// Lets the imported rows that are still alive arrive.
  ///
  /// - Returns: how many of them the buffer had.
  fileprivate mutating func settle(_ equals: [ImportedEqual], in snapshot: StoreSnapshot) -> Int {
    var duplicateCount = 0
    var start = 0
    while start < equals.count {
      let (id, row) = (equals[start].segmentID, equals[start].row)
      var end = start + 1
      while end < equals.count, equals[end].segmentID == id, equals[end].row == row { end += 1 }
      let living = equals[start..<end].filter { !isDead($0) }
      start = end
      guard !living.isEmpty, snapshot.deletedRows[id]?.contains(row) != true else { continue }
      duplicateCount += 1
      let isReplacing = living.allSatisfy {
        DuplicateRule.replaces(tokenCount: $0.tokenCount, $0.entry.tokenCount)
      }
      if isReplacing {
        for old in living { delete(old) }
      } else {
        active.committedDeletions[id, default: []].insert(row)
      }
    }
    active.counters.duplicateCount &+= UInt64(duplicateCount)
    return duplicateCount
  }

  private func isDead(_ equal: ImportedEqual) -> Bool {
    let generation = equal.isFrozen ? frozen : active
    return generation?.dead[equal.entry.day]?.contains(equal.entry.row) == true
  }

  private mutating func delete(_ old: ImportedEqual) {
    let row = Int(old.entry.row)
    guard old.isFrozen else { return active.delete(row, day: old.entry.day) }
    frozen?.delete(row, day: old.entry.day)
    active.earlierDeletions[old.entry.day, default: []].append(old.entry.row)
  }
}

extension BufferGeneration {
  /// The rows of a segment that are the same event as a row of the generation.
  fileprivate func equals(
    of entry: BufferIdentities.Entry, in reader: SegmentReader, _ index: IdentityIndex
  ) throws(TallyError) -> [IdentityMatch] {
    guard DuplicateRule.isInWindow(entry.day, reader.info.day), let buffer = rows.days[entry.day]
    else { return [] }
    var candidates: [Int] = []
    index.forEachCandidate(entry.fingerprint) { candidates.append($0) }
    let org = buffer.code(Int(entry.row), column: Schema.orgColumnID)
    var found: [IdentityMatch] = []
    var identity = IdentityRows(reader, try reader.footer())
    for row in candidates {
      guard try identity.org(row) == org else { continue }
      let isSame = try unsafe identity.withID(row) { id in
        unsafe buffer.withText(Int(entry.row), column: Schema.eventIDColumnID) { own in
          unsafe own.elementsEqual(id)
        } ?? false
      }
      guard isSame == true else { continue }
      found.append(
        IdentityMatch(
          segmentID: reader.info.id, row: row, tokenCount: try identity.tokenCount(row)))
    }
    return found
  }
}
