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
  /// - Complexity: O(events + segments of the 91 days around a row's); one probe of each of these
  ///   segments for an event that may be in one; reads only where a fingerprint agrees.
  package func matches(
    for keys: IdentityKeys,
    excluding isDead: (_ segmentID: UInt64, _ row: Int) -> Bool = { _, _ in false }
  ) throws(TallyError) -> [Int: [IdentityMatch]] {
    try matches(for: keys, since: nil, excluding: isDead)
  }

  /// The same, known for an earlier state: only segments that have come since are searched.
  ///
  /// - Throws: `io`, `corruption`.
  package func matches(
    for keys: IdentityKeys, since earlier: StoreSnapshot, known: [Int: [IdentityMatch]]
  ) throws(TallyError) -> [Int: [IdentityMatch]] {
    var found = try matches(for: keys, since: earlier) { _, _ in false }
    guard !known.isEmpty else { return found }
    let ids = trustedIDs(keys.window)
    for (row, matches) in known {
      let living = matches.filter {
        ids.contains($0.segmentID) && deletedRows[$0.segmentID]?.contains($0.row) != true
      }
      guard !living.isEmpty else { continue }
      found[row] = (living + (found[row] ?? [])).sorted { $0.tokenCount > $1.tokenCount }
    }
    return found
  }

  /// Segments of some days that are not known to be damaged.
  private func trustedIDs(_ days: ClosedRange<Day>?) -> Set<UInt64> {
    guard let days else { return [] }
    var ids: Set<UInt64> = []
    for position in segments.positions(of: days) {
      let id = segments.info(at: position).id
      if damagedSegments[id] == nil { ids.insert(id) }
    }
    return ids
  }

  /// Some entries of a batch's identities in the order of their fingerprints.
  private struct Probe {
    let order: [Int]
    let fingerprints: [UInt64]

    init(_ entries: [Int], _ all: [UInt64]) {
      order = entries.sorted { all[$0] < all[$1] }
      fingerprints = order.map { all[$0] }
    }
  }

  private func matches(
    for keys: IdentityKeys, since earlier: StoreSnapshot?,
    excluding isDead: (_ segmentID: UInt64, _ row: Int) -> Bool
  ) throws(TallyError) -> [Int: [IdentityMatch]] {
    guard let window = keys.window else { return [:] }
    let known = earlier?.trustedIDs(window) ?? []
    var places: [(position: Int, id: UInt64, day: Day)] = []
    var rowCount = 0
    for position in segments.positions(of: window) {
      let info = segments.info(at: position)
      guard damagedSegments[info.id] == nil, !known.contains(info.id) else { continue }
      places.append((position, info.id, info.day))
      rowCount += info.rowCount
    }
    guard let place = places.first else { return [:] }
    let filter = segments[place.position].cache.identityFilter
    // Whoever has an earlier state is in a hurry.
    if earlier == nil { filter.reserve(rowCount: rowCount, segmentCount: places.count) }
    let uncovered = filter.uncovered(places.lazy.map(\.id))
    for place in places where uncovered.contains(place.id) {
      filter.cover(place.id, try segments[place.position].identityIndex(fingerprinter))
    }
    let answer = filter.ask(keys.fingerprints, places.lazy.map(\.id))
    var found: [Int: [IdentityMatch]] = [:]
    func search(
      _ place: (position: Int, id: UInt64, day: Day), for entries: Probe
    ) throws(TallyError) {
      guard !entries.order.isEmpty else { return }
      let reader = segments[place.position]
      guard let index = try reader.identityIndex(fingerprinter) else { return }
      var hits: [UInt32] = []
      index.probe(entries.fingerprints, into: &hits)
      guard !hits.isEmpty else { return }
      try verify(hits.map { entries.order[Int($0)] }, of: keys, in: reader, index, isDead, &found)
    }
    // Most events that come again are of the same day. One that is found there is in no other:
    // whatever else of it were there would be in the window of both.
    let days = Dictionary(grouping: answer.candidates) { keys.days[$0] }
      .mapValues { Probe($0, keys.fingerprints) }
    for place in places where !answer.uncovered.contains(place.id) {
      if let probe = days[place.day] { try search(place, for: probe) }
    }
    let others = Probe(
      answer.candidates.filter { found[keys.rows[$0]] == nil }, keys.fingerprints)
    // Seldom needed: new segments are covered before they are seen.
    let all =
      answer.uncovered.isEmpty
      ? Probe([], []) : Probe(Array(keys.fingerprints.indices), keys.fingerprints)
    for place in places {
      try search(place, for: answer.uncovered.contains(place.id) ? all : others)
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
