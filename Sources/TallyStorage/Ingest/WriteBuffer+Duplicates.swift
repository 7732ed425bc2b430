import TallyBase

/// Rows of a batch that are the same events as rows that are there already; see `DuplicateRule`.
extension WriteBuffer.State {
  /// Settles which of the equal rows stay: `batch` has just been appended to the active
  /// generation, its days' rows from `starts` on.
  ///
  /// - Parameter matches: equal rows of committed segments, by row of the batch.
  mutating func settleDuplicates(
    of batch: IngestBatch, split: DaySplit, starts: [Int], matches: [Int: [IdentityMatch]]
  ) {
    let places = BatchPlaces(split, starts: starts, rowCount: batch.batch.rowCount)
    for (index, row) in batch.keys.rows.enumerated() {
      let (day, dayRow) = places[row]
      let own = BufferIdentities.Entry(
        fingerprint: batch.keys.fingerprints[index], day: day,
        row: UInt32(truncatingIfNeeded: dayRow), tokenCount: batch.tokenCounts[row])
      let buffered = equals(of: own, batch.keys, index)
      let committed = (matches[row] ?? []).filter { !isDead($0) }
      guard !buffered.isEmpty || !committed.isEmpty else {
        active.identities.insert(own)
        continue
      }
      batch.receipt.duplicateCount += 1
      let isReplacing =
        buffered.allSatisfy {
          DuplicateRule.replaces(tokenCount: own.tokenCount, $0.entry.tokenCount)
        }
        && committed.allSatisfy {
          DuplicateRule.replaces(tokenCount: own.tokenCount, $0.tokenCount)
        }
      guard isReplacing else {
        active.delete(dayRow, day: day)
        continue
      }
      if let old = buffered.first(where: { !$0.isFrozen }) {
        active.identities.replace(old.index, by: own)
      } else {
        active.identities.insert(own)
      }
      for old in buffered { delete(old) }
      for old in committed {
        active.committedDeletions[old.segmentID, default: []].insert(old.row)
      }
    }
    batch.receipt.acceptedCount = batch.batch.rowCount - batch.receipt.duplicateCount
  }

  /// A living row of the buffer that is the same event.
  private struct Equal {
    var isFrozen: Bool
    /// Of the entry in its generation.
    var index: Int
    var entry: BufferIdentities.Entry
  }

  private func equals(
    of own: BufferIdentities.Entry, _ keys: IdentityKeys, _ index: Int
  ) -> [Equal] {
    var found: [Equal] = []
    for (isFrozen, generation) in [(false, active), (true, frozen)] {
      guard let generation else { continue }
      generation.identities.forEach(own.fingerprint) { entryIndex, entry in
        guard DuplicateRule.isInWindow(entry.day, own.day),
          generation.dead[entry.day]?.contains(entry.row) != true,
          let buffer = generation.rows.days[entry.day]
        else { return }
        let org = buffer.code(Int(entry.row), column: Schema.orgColumnID)
        let isSame = unsafe buffer.withText(Int(entry.row), column: Schema.eventIDColumnID) {
          unsafe keys.isEqual(index, org: org, id: $0)
        }
        if isSame == true {
          found.append(Equal(isFrozen: isFrozen, index: entryIndex, entry: entry))
        }
      }
    }
    return found
  }

  /// Whether a row of a segment has died by a row of the buffer.
  private func isDead(_ match: IdentityMatch) -> Bool {
    active.committedDeletions[match.segmentID]?.contains(match.row) == true
      || frozen?.committedDeletions[match.segmentID]?.contains(match.row) == true
  }

  private mutating func delete(_ old: Equal) {
    let row = Int(old.entry.row)
    guard old.isFrozen else { return active.delete(row, day: old.entry.day) }
    frozen?.delete(row, day: old.entry.day)
    active.earlierDeletions[old.entry.day, default: []].append(old.entry.row)
  }
}

/// Where the rows of a batch are in the buffers of their days.
private struct BatchPlaces {
  private let days: [Day]
  private var dayIndexes: [Int32] = []
  private var rows: [Int] = []
  private let start: Int

  init(_ split: DaySplit, starts: [Int], rowCount: Int) {
    days = split.days
    start = starts.first ?? 0
    guard days.count > 1 else { return }
    dayIndexes = [Int32](repeating: 0, count: rowCount)
    rows = [Int](repeating: 0, count: rowCount)
    for index in days.indices {
      guard case .rows(let selected) = split.selection(index) else { continue }
      for (offset, row) in selected.enumerated() {
        dayIndexes[Int(row)] = Int32(truncatingIfNeeded: index)
        rows[Int(row)] = starts[index] + offset
      }
    }
  }

  subscript(row: Int) -> (day: Day, row: Int) {
    rows.isEmpty ? (days[0], start + row) : (days[Int(dayIndexes[row])], rows[row])
  }
}
