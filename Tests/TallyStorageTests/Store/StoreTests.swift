import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Store")
struct StoreTests {
  @Test("A second writer fails at once and is told who holds the store; readers are not stopped")
  func twoWriters() throws {
    let system = try CrashScenario.prepared()
    let first = try Store.open("/s", mode: .readWrite(creating: false), fileSystem: system)
    let error = #expect(throws: TallyError.self) {
      _ = try Store.open("/s", mode: .readWrite(creating: true), fileSystem: system)
    }
    #expect(error?.code == .locked)
    #expect(error?.message.contains("process ") == true)
    #expect(try CrashScenario.contents(system).count == 12)
    try first.close()
    try Store.open("/s", mode: .readWrite(creating: false), fileSystem: system).close()
  }

  @Test("Readers keep their snapshot and see a commit when they refresh")
  func refresh() throws {
    let system = try CrashScenario.prepared()
    let reader = try Store.open("/s", mode: .readOnly, fileSystem: system)
    let old = try reader.snapshot()
    let writer = try Store.open("/s", mode: .readWrite(creating: false), fileSystem: system)
    for number in 1...3 {
      try CrashScenario.load(CrashScenario.rows(number), into: writer)
      #expect(try reader.snapshot().rowCount == number * 12)
      let new = try reader.refresh()
      #expect(new.rowCount == (number + 1) * 12)
      #expect(try TestRows.read(new).count == (number + 1) * 12)
    }
    try writer.close()
    #expect(try reader.refresh().rowCount == 48)
    #expect(try CrashScenario.normalized(TestRows.read(old)).count == 12)
    #expect(old.symbolCount(column: 5) == (try old.dictionary(column: 5).count))
  }

  @Test("An abandoned import leaves the store as it was")
  func abort() throws {
    let system = try CrashScenario.prepared()
    let store = try Store.open("/s", mode: .readWrite(creating: false), fileSystem: system)
    let files = system.filePaths
    var options = BulkImport.Options()
    options.memoryByteCountMax = 1
    let bulk = try store.beginImport(options: options)
    try bulk.add(TestRows.batch(CrashScenario.rows(1)))
    #expect(throws: TallyError.self) { _ = try store.beginImport() }
    bulk.abort()
    #expect(system.filePaths == files)
    do {
      let dropped = try store.beginImport(options: options)
      try dropped.add(TestRows.batch(CrashScenario.rows(1)))
    }
    #expect(system.filePaths == files)
    #expect(try store.snapshot().rowCount == 12)
    try CrashScenario.load(CrashScenario.rows(1), into: store)
    #expect(try store.snapshot().rowCount == 24)
  }

  @Test("A path that is no store is refused with a reason")
  func wrongPaths() throws {
    let system = try CrashScenario.prepared()
    try system.createDirectory("/other")
    try system.open("/other/notes.txt", .createNew).close()
    for path in ["/missing", "/other", "/s/CURRENT"] as [FilePath] {
      for mode in [Store.Mode.readOnly, .readWrite(creating: false)] {
        let error = #expect(throws: TallyError.self) {
          _ = try Store.open(path, mode: mode, fileSystem: system)
        }
        #expect(error?.code == .invalidArgument, "\(path)")
      }
    }
    for path in ["/other", "/s/CURRENT"] as [FilePath] {
      let error = #expect(throws: TallyError.self) {
        _ = try Store.open(path, mode: .readWrite(creating: true), fileSystem: system)
      }
      #expect(error?.code == .invalidArgument, "\(path)")
    }
    #expect(system.bytes(of: "/other/LOCK") == nil)
    let reader = try Store.open("/s", mode: .readOnly, fileSystem: system)
    let error = #expect(throws: TallyError.self) { _ = try reader.beginImport() }
    #expect(error?.code == .invalidArgument)
  }

  @Test("A thousand partitions open without touching a segment")
  func manyPartitions() throws {
    let system = try CrashScenario.prepared()
    var batch = EventBatch(rowCount: 1_000)
    batch.columns = [
      EventColumn(
        name: "time", type: .timestamp,
        values: .int64((0..<1_000).map { Int64($0) * Day.microsecondsPerDay }))
    ]
    let store = try Store.open("/s", mode: .readWrite(creating: false), fileSystem: system)
    let bulk = try store.beginImport()
    try bulk.add(batch)
    #expect(try bulk.commit().segmentCount == 1_000)
    try store.close()
    system.inject(nil)
    let snapshot = try Store.open("/s", mode: .readOnly, fileSystem: system).snapshot()
    #expect(snapshot.partitions().count == 1_002)
    #expect(system.callCount < 20)
  }

  @Test("Partitions and columns add up")
  func statistics() throws {
    let system = try CrashScenario.prepared()
    try CrashScenario.importMore(system)
    let snapshot = try Store.open("/s", mode: .readOnly, fileSystem: system).snapshot()
    let partitions = snapshot.partitions()
    #expect(partitions.map(\.rowCount).reduce(0, +) == 24)
    #expect(partitions.map(\.segmentCount).reduce(0, +) == snapshot.segments.count)
    let sizes = system.filePaths.filter { $0.hasSuffix(".seg") }
      .map { Int64(system.bytes(of: $0)?.count ?? 0) }
    #expect(partitions.map(\.byteCount).reduce(0, +) == sizes.reduce(0, +))
    let columns = try snapshot.columnSummaries()
    #expect(columns.first { $0.column.name == "org" }?.dictionaryEntryCount ?? 0 > 0)
    #expect(columns.first { $0.column.name == "team" }?.nullCount == 24)
    #expect(columns.first { $0.column.name == "time" }?.segmentCount == snapshot.segments.count)
  }
}
