import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Bulk import")
struct BulkImportTests {
  /// Imports batches into a store of their own and returns what is in it.
  private func imported(
    _ batches: [[TestRow]], _ options: BulkImport.Options = BulkImport.Options()
  ) throws -> (rows: [TestRow], segmentCount: Int) {
    let system = MemoryFileSystem()
    let store = try Store.open("/s", mode: .readWrite(creating: true), fileSystem: system)
    let bulk = try store.beginImport(options: options)
    for rows in batches { try bulk.add(TestRows.batch(rows)) }
    let summary = try bulk.commit()
    #expect(summary.rowCount == batches.joined().count)
    try store.close()
    let reader = try Store.open("/s", mode: .readOnly, fileSystem: system)
    let snapshot = try reader.snapshot()
    #expect(snapshot.rowCount == summary.rowCount)
    #expect(system.filePaths.filter { $0.contains("/tmp/") }.isEmpty)
    return (try TestRows.read(snapshot), snapshot.segments.count)
  }

  @Test("Rows come back by day, organisation, time and arrival, every type and NULL included")
  func contents() throws {
    var random = SplitMix64(seed: 1)
    let batches = (0..<4).map { TestRows.random(500, dayCount: 5, from: $0 * 500, &random) }
    let (rows, segmentCount) = try imported(batches)
    #expect(rows == TestRows.sorted(Array(batches.joined())))
    #expect(segmentCount == 5)
  }

  @Test("A tiny memory budget changes neither rows nor their order", arguments: 1...2)
  func tinyBudget(threadCount: Int) throws {
    var random = SplitMix64(seed: 2)
    let batches = (0..<9).map { TestRows.random(400, dayCount: 3, from: $0 * 400, &random) }
    var options = BulkImport.Options()
    options.memoryByteCountMax = 1 << 10
    options.threadCount = threadCount
    let (rows, segmentCount) = try imported(batches, options)
    #expect(rows == TestRows.sorted(Array(batches.joined())))
    #expect(segmentCount >= 3)
  }

  @Test("Large days are cut into segments that follow each other", arguments: [1 << 10, 64 << 20])
  func cuts(budget: Int) throws {
    var random = SplitMix64(seed: 3)
    let batches = (0..<7).map { TestRows.random(700, dayCount: 1, from: $0 * 700, &random) }
    var options = BulkImport.Options()
    options.memoryByteCountMax = budget
    options.segmentRowCountMax = 300
    let (rows, segmentCount) = try imported(batches, options)
    #expect(rows == TestRows.sorted(Array(batches.joined())))
    #expect(segmentCount >= 4_900 / 300)
  }

  @Test("Rows that all tie on organisation and time keep their order across cuts")
  func ties() throws {
    let batches = (0..<6).map { batch in
      (0..<100).map { index -> TestRow in
        [
          "time": .timestamp(20_454 * Day.microsecondsPerDay),
          "sequence": .int(Int128(batch * 100 + index)),
        ]
      }
    }
    var options = BulkImport.Options()
    options.memoryByteCountMax = 1
    options.segmentRowCountMax = 70
    let (rows, _) = try imported(batches, options)
    #expect(rows.map { $0["sequence"] } == (0..<600).map { .int(Int128($0)) })
  }

  @Test("Random imports in random order hold what an array of rows holds")
  func randomImports() throws {
    for seed in 0..<50 {
      var random = SplitMix64(seed: UInt64(seed))
      let system = MemoryFileSystem()
      var store = try Store.open("/s", mode: .readWrite(creating: true), fileSystem: system)
      var expected: [TestRow] = []
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        var options = BulkImport.Options()
        options.memoryByteCountMax = random.coin() ? 1 : 1 << 20
        let bulk = try store.beginImport(options: options)
        var added: [TestRow] = []
        for _ in 0..<Int.random(in: 0...3, using: &random) {
          let count = Int.random(in: 1...60, using: &random)
          let rows = TestRows.random(
            count, dayCount: 3, from: expected.count + added.count, &random)
          try bulk.add(TestRows.batch(rows))
          added += rows
        }
        if random.coin() {
          _ = try bulk.commit()
          expected += added
        } else {
          bulk.abort()
        }
        if random.coin() {
          try store.close()
          store = try Store.open("/s", mode: .readWrite(creating: false), fileSystem: system)
        }
      }
      let rows = try TestRows.read(store.snapshot())
      #expect(bySequence(rows) == bySequence(expected.map(TestRows.withDefaults)), "seed \(seed)")
    }
  }

  private func bySequence(_ rows: [TestRow]) -> [TestRow] {
    func number(_ row: TestRow) -> Int128 {
      if case .int(let value) = row["sequence"] { value } else { -1 }
    }
    return rows.sorted { number($0) < number($1) }
  }

  @Test("New columns join the schema; rows before them are NULL")
  func schemaGrowth() throws {
    let system = MemoryFileSystem()
    let store = try Store.open("/s", mode: .readWrite(creating: true), fileSystem: system)
    let time = Value.timestamp(20_454 * Day.microsecondsPerDay)
    let plain: TestRow = ["time": time, "sequence": .int(1)]
    let first = try store.beginImport()
    try first.add(TestRows.batch([plain]))
    _ = try first.commit()
    let tagged: TestRow = [
      "time": time, "tag": TestRows.text("x"), "score": .double(0.5), "sequence": .int(2),
    ]
    let second = try store.beginImport()
    try second.add(TestRows.batch([plain]))
    try second.add(TestRows.batch([tagged]))
    _ = try second.commit()
    try store.close()
    let snapshot = try Store.open("/s", mode: .readOnly, fileSystem: system).snapshot()
    #expect(snapshot.schema.column(named: "tag")?.type == .symbol)
    #expect(snapshot.schema.column(named: "score")?.type == .double)
    #expect(try TestRows.read(snapshot) == [plain, plain, tagged].map(TestRows.withDefaults))
  }

  @Test("A batch that conflicts with the schema is refused whole and the import goes on")
  func typeConflict() throws {
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    let bulk = try store.beginImport()
    let row: TestRow = ["time": .timestamp(0), "sequence": .int(1)]
    try bulk.add(TestRows.batch([row]))
    let bad = EventBatch(
      rowCount: 1,
      columns: [
        EventColumn(name: "time", type: .timestamp, values: .int64([0])),
        EventColumn(name: "fresh", type: .int64, values: .int64([1])),
        EventColumn(name: "sequence", type: .bool, values: .bool([1])),
      ])
    let error = #expect(throws: TallyError.self) { try bulk.add(bad) }
    #expect(error?.code == .invalidInput)
    #expect(error?.message.contains("'sequence'") == true)
    _ = try bulk.commit()
    let snapshot = try store.snapshot()
    #expect(snapshot.schema.column(named: "fresh") == nil)
    #expect(try TestRows.read(snapshot) == [TestRows.withDefaults(row)])
  }

  @Test("Malformed batches are refused, never trapped on")
  func malformed() throws {
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    let bulk = try store.beginImport()
    let time = EventColumn(name: "time", type: .timestamp, values: .int64([0]))
    let batches: [[EventColumn]] = [
      [],
      [EventColumn(name: "time", type: .timestamp, values: .int64([-1]))],
      [EventColumn(name: "time", type: .timestamp, values: .int64([.max]))],
      [EventColumn(name: "time", type: .timestamp, values: .int64([0]), validity: [0])],
      [EventColumn(name: "time", type: .timestamp, values: .int64([0, 1]))],
      [time, time],
      [time, EventColumn(name: "", type: .int64, values: .int64([1]))],
      [
        time,
        EventColumn(name: "org", type: .symbol, values: .symbol(codes: [1], table: StringTable())),
      ],
      [
        time,
        EventColumn(name: "session", type: .text, values: .text(offsets: [0, 2], bytes: [1])),
      ],
      [time, EventColumn(name: "session", type: .text, values: .text(offsets: [], bytes: []))],
      [time, EventColumn(name: "x", type: .date, values: .int64([1]))],
      [time, EventColumn(name: "x", type: .int64, values: .int64([1]), validity: [1, 1])],
    ]
    for columns in batches {
      let error = #expect(throws: TallyError.self) {
        try bulk.add(EventBatch(rowCount: 1, columns: columns))
      }
      #expect(error?.code == .invalidInput)
    }
    #expect(try bulk.commit().rowCount == 0)
  }

  @Test("A column takes as many distinct values as the limit says and not one more")
  func dictionaryLimit() throws {
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    var options = BulkImport.Options()
    options.dictionaryEntryCountMax = 3
    let bulk = try store.beginImport(options: options)
    func rows(_ names: [String]) -> EventBatch {
      TestRows.batch(names.map { ["time": .timestamp(0), "org": TestRows.text($0)] })
    }
    try bulk.add(rows(["a", "b"]))
    try bulk.add(rows(["b", "c", "a"]))
    let error = #expect(throws: TallyError.self) { try bulk.add(rows(["a", "d"])) }
    #expect(error?.code == .resourceExhausted)
    #expect(try bulk.commit().rowCount == 5)
    #expect(try store.snapshot().dictionary(column: Schema.orgColumnID).count == 3)
  }

  @Test("ingested_at is the start of the import unless a row brings its own")
  func ingestedAt() throws {
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    var options = BulkImport.Options()
    options.ingestedAtMicroseconds = 77
    let bulk = try store.beginImport(options: options)
    try bulk.add(TestRows.batch([["time": .timestamp(0)]]))
    try bulk.add(
      EventBatch(
        rowCount: 2,
        columns: [
          EventColumn(name: "time", type: .timestamp, values: .int64([1, 2])),
          EventColumn(
            name: "ingested_at", type: .timestamp, values: .int64([5, 0]), validity: [1, 0]),
        ]))
    _ = try bulk.commit()
    let snapshot = try store.snapshot()
    let column = snapshot.schema.columns[Schema.ingestedAtColumnID]
    let values = try SegmentValues.read(snapshot.segments[0], column, snapshot)
    #expect(values == [.timestamp(77), .timestamp(5), .timestamp(77)])
  }
}
