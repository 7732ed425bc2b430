package import TallyBase

extension StoreSnapshot {
  /// The key of the store's fingerprints.
  package var fingerprinter: Fingerprinter { Fingerprinter(dictionaries.storeID) }

  /// The living rows of this state that are the same events as rows of a batch.
  ///
  /// Several rows match one only if its day lies between theirs and these are too far apart to
  /// have met. Segments known to be damaged are left out.
  ///
  /// - Parameter isDead: rows that are dead beside `deletedRows`; asked about matches only.
  /// - Returns: matches by row of the batch, those with most tokens first; rows without any have
  ///   no entry.
  /// - Throws: `io`, `corruption`.
  /// - Complexity: one probe of each segment of the 91 days around a row's, some nanoseconds
  ///   each; reads only where a fingerprint agrees.
  package func matches(
    for keys: IdentityKeys,
    excluding isDead: (_ segmentID: UInt64, _ row: Int) -> Bool = { _, _ in false }
  ) throws(TallyError) -> [Int: [IdentityMatch]] {
    guard let first = keys.days.min(), let last = keys.days.max() else { return [:] }
    var found: [Int: [IdentityMatch]] = [:]
    let order = keys.fingerprints.indices.sorted { keys.fingerprints[$0] < keys.fingerprints[$1] }
    let ordered = order.map { keys.fingerprints[$0] }
    var hits: [UInt32] = []
    for reader in segments.segments(of: DuplicateRule.window(around: first...last)) {
      guard damagedSegments[reader.info.id] == nil,
        let index = try reader.identityIndex(fingerprinter)
      else { continue }
      index.probe(ordered, into: &hits)
      guard !hits.isEmpty else { continue }
      try verify(hits.map { order[Int($0)] }, of: keys, in: reader, index, isDead, &found)
    }
    for row in found.keys {
      found[row]?.sort { $0.tokenCount > $1.tokenCount }
    }
    return found
  }

  private func verify(
    _ hits: [Int], of keys: IdentityKeys, in reader: SegmentReader, _ index: IdentityIndex,
    _ isDead: (UInt64, Int) -> Bool, _ found: inout [Int: [IdentityMatch]]
  ) throws(TallyError) {
    let info = reader.info
    let deleted = deletedRows[info.id]
    var candidates: [(row: Int, entry: Int)] = []
    for entry in hits where DuplicateRule.isInWindow(info.day, keys.days[entry]) {
      index.forEachCandidate(keys.fingerprints[entry]) { row in
        if deleted?.contains(row) != true { candidates.append((row, entry)) }
      }
    }
    candidates.sort { $0.row < $1.row }
    var rows = IdentityRows(reader, try reader.footer())
    for (row, entry) in candidates {
      let org = try rows.org(row)
      let isEqual = try unsafe rows.withID(row) { unsafe keys.isEqual(entry, org: org, id: $0) }
      guard isEqual == true, !isDead(info.id, row) else { continue }
      found[keys.rows[entry], default: []].append(
        IdentityMatch(segmentID: info.id, row: row, tokenCount: try rows.tokenCount(row)))
    }
  }
}
