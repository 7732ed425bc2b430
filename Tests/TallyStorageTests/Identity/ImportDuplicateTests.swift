import SystemPackage
import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Imports keep one row of each event: the one with more tokens, the later one of equals.
@Suite struct ImportDuplicateTests {
  /// The rule, row by row.
  private struct Model {
    private(set) var rows: [TestRow] = []
    private var living: [EventIdentity: [Int]] = [:]
    private var dead: Set<Int> = []

    /// - Returns: whether the row's event was there.
    mutating func add(_ row: TestRow) -> Bool {
      rows.append(row)
      let place = rows.count - 1
      guard let identity = row.identity else { return false }
      let rivals = (living[identity] ?? []).filter { rows[$0].isInWindow(of: row) }
      if rivals.contains(where: { rows[$0].tokenCount > row.tokenCount }) {
        dead.insert(place)
        return true
      }
      dead.formUnion(rivals)
      living[identity, default: []].removeAll { rivals.contains($0) }
      living[identity, default: []].append(place)
      return !rivals.isEmpty
    }

    var livingSequences: [Int128] {
      rows.indices.filter { !dead.contains($0) }.map { rows[$0].sequence }.sorted()
    }
  }

  private func load(
    _ batches: [[TestRow]], into store: Store, _ options: BulkImport.Options = .init()
  ) throws -> BulkImport.Summary {
    let bulk = try store.beginImport(options: options)
    for rows in batches { try bulk.add(TestRows.batch(rows)) }
    return try bulk.commit()
  }

  private func sequences(_ store: Store) throws -> [Int128] {
    try TestRows.readLiving(store.snapshot()).map(\.sequence).sorted()
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func importsKeepWhatTheRuleKeeps(seed: UInt64) throws {
    var rows = EventRows(seed: seed)
    rows.idCount = [3, 40, 400][Int(seed % 3)]
    if seed % 4 == 0 { rows.days = [0] }
    let system = MemoryFileSystem()
    var store = try Store.open("/s", mode: .readWrite(creating: true), fileSystem: system)
    var model = Model()
    for _ in 0..<4 {
      var options = BulkImport.Options()
      options.memoryByteCountMax = rows.random.coin() ? 1 : 64 << 20
      options.threadCount = 1 + Int(rows.random.next() % 2)
      if rows.random.coin() { options.segmentRowCountMax = 25 }
      let batches = (0..<Int(rows.random.next() % 4)).map { _ in
        rows.next(Int(rows.random.next() % 60) + 1)
      }
      let summary = try load(batches, into: store, options)
      var duplicateCount = 0
      for row in batches.joined() where model.add(row) { duplicateCount += 1 }
      #expect(summary.duplicateCount == duplicateCount)
      #expect(summary.rowCount == batches.joined().count - duplicateCount)
      #expect(try sequences(store) == model.livingSequences)
      #expect(try store.snapshot().rowCount == model.livingSequences.count)
      if rows.random.coin() {
        try store.close()
        store = try Store.open("/s", mode: .readWrite(creating: false), fileSystem: system)
      }
      #expect(system.filePaths.filter { $0.contains("/tmp/") }.isEmpty)
    }
  }

  private func event(_ sequence: Int, day: Int64 = 0, tokens: Int? = nil) -> TestRow {
    var row: TestRow = [
      "time": .timestamp((20_000 + day) * Day.microsecondsPerDay),
      "sequence": .int(Int128(sequence)), "event_id": TestRows.text("same"),
    ]
    if let tokens { row["output_tokens"] = .int(Int128(tokens)) }
    return row
  }

  @Test(
    arguments: [
      (45, nil, nil, [2]), (46, nil, nil, [1, 2]), (0, 5, 4, [1]), (0, 5, 5, [2]), (0, 4, 5, [2]),
      (0, 0, nil, [2]), (0, 1, nil, [1]), (3, -1, nil, [2]), (3, nil, -1, [1]),
    ] as [(Int64, Int?, Int?, [Int128])])
  func twoRowsOfAnEvent(days: Int64, first: Int?, second: Int?, kept: [Int128]) throws {
    let rows = [event(1, tokens: first), event(2, day: days, tokens: second)]
    for split in [false, true] {
      let store = try Store.open(
        "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
      if split {
        for row in rows { _ = try load([[row]], into: store) }
      } else {
        _ = try load([rows], into: store)
      }
      #expect(try sequences(store) == kept)
    }
  }

  @Test func theSameImportTwiceAddsNothing() throws {
    var rows = EventRows(seed: 77)
    rows.idCount = 1_000_000
    let events = rows.next(500).filter { $0["event_id"] != nil }
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    let first = try load([events], into: store)
    #expect(first.rowCount == events.count && first.duplicateCount == 0)
    let half = events.count / 2
    let second = try load([Array(events[..<half]), Array(events[half...])], into: store)
    #expect(second.rowCount == 0 && second.duplicateCount == events.count)
    #expect(try sequences(store) == events.map(\.sequence).sorted())
  }

  /// A producer that sends one id for everything costs no more than others.
  @Test func oneIdForEverythingLeavesOneRow() throws {
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    let events = (0..<4_000).map { event($0, day: Int64($0 % 3), tokens: $0 % 7) }
    var options = BulkImport.Options()
    options.memoryByteCountMax = 1
    for _ in 0..<2 { _ = try load([events], into: store, options) }
    let last = events.last { $0.tokenCount == 6 }?.sequence
    #expect(try sequences(store).map { $0 } == [last])
  }

  @Test func orgsDoNotShareIds() throws {
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    var rows: [TestRow] = []
    for (index, org) in ["a", "b", "", nil, "a", nil].enumerated() {
      var row = event(index)
      if let org { row["org"] = TestRows.text(org) }
      rows.append(row)
    }
    let summary = try load([rows], into: store)
    #expect(summary.duplicateCount == 2)
    #expect(try sequences(store) == [1, 2, 4, 5])
  }
}

extension TestRow {
  var sequence: Int128 {
    if case .int(let number) = self["sequence"] { number } else { -1 }
  }
}
