import SystemPackage
import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Events are found again by org and id.
@Suite struct IdentityLookupTests {
  /// Computed by an independent implementation that reproduces the published vector of SipHash-2-4.
  @Test func fingerprintsAreThoseOfSipHash() {
    let key = Fingerprinter(
      StoreID(high: 0x0706_0504_0302_0100, low: 0x0F0E_0D0C_0B0A_0908))
    let vectors: [(SymbolCode, [UInt8], UInt64)] = [
      (0, [], 0x5CB9_6F6B_A2A4_FCFC), (1, Array("a".utf8), 0x191E_FFD3_459C_7E1D),
      (7, Array("evt-0001".utf8), 0xD515_6679_09EA_6EC6),
      (.max, Array(0..<20), 0x4108_7E72_DD1B_4E7D),
    ]
    for (org, id, expected) in vectors {
      let found = unsafe id.withUnsafeBufferPointer {
        unsafe key.fingerprint(org: org, id: $0)
      }
      #expect(found == expected)
    }
  }

  @Test func standardPositionsAreThoseOfTheSchema() {
    let columns = Schema.standard.columns
    #expect(columns[Schema.eventIDColumnID].name == "event_id")
    #expect(columns[Schema.inputTokensColumnID].name == "input_tokens")
    #expect(columns[Schema.outputTokensColumnID].name == "output_tokens")
  }

  /// What `matches` must find, the slow and obvious way.
  private func expected(
    _ query: [TestRow], _ stored: [TestRow], _ snapshot: StoreSnapshot
  ) -> [Int: Set<IdentityMatch>] {
    var queryRows: [EventIdentity: [Int]] = [:]
    for (index, event) in query.enumerated() {
      if let identity = event.identity { queryRows[identity, default: []].append(index) }
    }
    var result: [Int: Set<IdentityMatch>] = [:]
    var first = 0
    for reader in snapshot.segments {
      for row in 0..<reader.info.rowCount {
        let event = stored[first + row]
        guard let identity = event.identity,
          snapshot.deletedRows[reader.info.id]?.contains(row) != true
        else { continue }
        for index in queryRows[identity] ?? [] where query[index].isInWindow(of: event) {
          result[index, default: []].insert(
            IdentityMatch(
              segmentID: reader.info.id, row: row, tokenCount: Int64(event.tokenCount)))
        }
      }
      first += reader.info.rowCount
    }
    return result
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func matchesAreThoseOfASearchThroughAllRows(seed: UInt64) throws {
    var rows = EventRows(seed: seed)
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    for _ in 0..<3 {
      let load = try store.beginImport()
      try load.add(TestRows.batch(rows.next(300)))
      _ = try load.commit()
    }
    var snapshot = try store.snapshot()
    var dead: [UInt64: DeletedRows] = [:]
    for reader in snapshot.segments {
      var set = DeletedRows(rowCount: reader.info.rowCount)
      for row in 0..<reader.info.rowCount where rows.random.next() % 5 == 0 { set.insert(row) }
      dead[reader.info.id] = set
    }
    snapshot = snapshot.deleting(dead)
    let stored = try TestRows.read(snapshot)
    var matchCount = 0
    for _ in 0..<5 {
      let query = rows.next(80)
      let found = try snapshot.matches(for: try snapshot.keys(query))
      #expect(found.mapValues { Set($0) } == expected(query, stored, snapshot))
      #expect(
        found.values.allSatisfy { $0.map(\.tokenCount) == $0.map(\.tokenCount).sorted(by: >) })
      matchCount += found.count
    }
    #expect(matchCount > 50)
  }

  @Test func theWindowEndsAfter45Days() throws {
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    let start: Int64 = 20_000 * Day.microsecondsPerDay
    func event(_ days: Int64, _ microseconds: Int64 = 0) -> TestRow {
      [
        "time": .timestamp(start + days * Day.microsecondsPerDay + microseconds),
        "event_id": TestRows.text("e"), "org": TestRows.text("o"),
      ]
    }
    let load = try store.beginImport()
    try load.add(TestRows.batch([event(0, Day.microsecondsPerDay - 1)]))
    _ = try load.commit()
    let snapshot = try store.snapshot()
    for (days, isFound) in [(-46, false), (-45, true), (0, true), (45, true), (46, false)] {
      let keys = try snapshot.keys([event(Int64(days))])
      #expect(try snapshot.matches(for: keys).isEmpty == !isFound, "\(days) days")
    }
  }

  @Test func callersMayKnowMoreDeadRows() throws {
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    var rows = EventRows(seed: 5)
    rows.days = [0]
    let events = rows.next(50)
    let load = try store.beginImport()
    try load.add(TestRows.batch(events))
    _ = try load.commit()
    let snapshot = try store.snapshot()
    let keys = try snapshot.keys(events)
    #expect(!(try snapshot.matches(for: keys)).isEmpty)
    #expect(try snapshot.matches(for: keys, excluding: { _, _ in true }).isEmpty)
  }

  /// Memory for what tells strangers from candidates: none, too little, enough to grow.
  @Test(arguments: [0, 1 << 14, 1 << 24])
  func whatIsFoundDoesNotDependOnMemory(byteCount: Int) throws {
    var options = Store.Options()
    options.pageCacheByteCountMax = byteCount
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem(), options: options)
    var rows = EventRows(seed: 11)
    rows.idCount = 3_000
    var matchCount = 0
    for _ in 0..<6 {
      let load = try store.beginImport()
      try load.add(TestRows.batch(rows.next(900)))
      _ = try load.commit()
      let snapshot = try store.snapshot()
      let query = rows.next(60)
      let found = try snapshot.matches(for: try snapshot.keys(query))
      #expect(
        found.mapValues { Set($0) } == expected(query, try TestRows.read(snapshot), snapshot))
      matchCount += found.count
    }
    #expect(matchCount > 20)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func whatIsKnownOfAnEarlierStateIsBroughtUpToDate(seed: UInt64) throws {
    var rows = EventRows(seed: seed)
    rows.idCount = 400
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    func load() throws {
      let load = try store.beginImport()
      try load.add(TestRows.batch(rows.next(300)))
      _ = try load.commit()
    }
    try load()
    try load()
    let earlier = try store.snapshot()
    let keys = try earlier.keys(rows.next(200))
    let known = try earlier.matches(for: keys)
    var dead: [UInt64: DeletedRows] = [:]
    for reader in earlier.segments {
      var set = DeletedRows(rowCount: reader.info.rowCount)
      for row in stride(from: 0, to: reader.info.rowCount, by: 4) { set.insert(row) }
      dead[reader.info.id] = set
    }
    try store.deleteRows(dead)
    try store.compact(days: [Day(number: 20_000), Day(number: 20_046)])
    try load()
    let now = try store.snapshot()
    let found = try now.matches(for: keys, since: earlier, known: known)
    let all = try now.matches(for: keys)
    #expect(found.mapValues { Set($0) } == all.mapValues { Set($0) })
    #expect(found.mapValues(\.count) == all.mapValues(\.count))
    #expect(
      found.values.allSatisfy { $0.map(\.tokenCount) == $0.map(\.tokenCount).sorted(by: >) })
    #expect(all != known)
    #expect(all.count > 20)
  }
}
