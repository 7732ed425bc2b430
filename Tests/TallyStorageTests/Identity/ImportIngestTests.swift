import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Imports into a store that takes events meanwhile: one row of each event stays, wherever the
/// other one is.
@Suite struct ImportIngestTests {
  private func load(_ rows: [TestRow], into store: Store) throws -> BulkImport.Summary {
    let bulk = try store.beginImport()
    try bulk.add(TestRows.batch(rows))
    return try bulk.commit()
  }

  private func expectSame(_ store: Store, _ model: DuplicateIngestTests.Model, _ place: String)
    throws
  {
    #expect(try IngestFixture.sequences(store.snapshot()) == model.sequences, "\(place)")
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func importsMeetTheBufferAndTheSegments(seed: UInt64) throws {
    var rows = EventRows(seed: seed)
    rows.idCount = 30
    var fileSystem = MemoryFileSystem()
    var store = try IngestFixture.open(fileSystem)
    var model = DuplicateIngestTests.Model()
    for step in 0..<40 {
      let before = model.duplicateCount
      let batch = rows.next(Int(rows.random.next() % 8) + 1)
      switch rows.random.next() % 8 {
      case 0: try store.flush()
      case 1:
        fileSystem = fileSystem.afterKill()
        store = try IngestFixture.open(fileSystem)
      case 2...4:
        for row in batch { model.append(row) }
        let summary = try load(batch, into: store)
        #expect(summary.duplicateCount == model.duplicateCount - before, "step \(step)")
        #expect(summary.rowCount + summary.duplicateCount == batch.count)
      default:
        for row in batch { model.append(row) }
        let receipt = try store.append(TestRows.batch(batch))
        #expect(receipt.duplicateCount == model.duplicateCount - before, "step \(step)")
      }
      try expectSame(store, model, "seed \(seed), step \(step)")
    }
    try store.close()
    try expectSame(try IngestFixture.open(fileSystem), model, "seed \(seed), reopened")
  }

  /// What is committed after the search for duplicates is searched again.
  @Test(arguments: [false, true]) func aFlushDuringTheCommitIsMet(isFlushing: Bool) throws {
    let system = InterposedFileSystem(MemoryFileSystem())
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: system,
      options: IngestFixture.options())
    var rows = EventRows(seed: 21)
    rows.idCount = 25
    // Buffered rows that arrive with the commit meet what the import has left.
    if !isFlushing { rows.days = [0, 1, 45] }
    var model = DuplicateIngestTests.Model()
    let (first, between, last) = (rows.next(60), rows.next(60), rows.next(60))
    for row in first + between + last { model.append(row) }
    _ = try store.append(TestRows.batch(first))
    try store.flush()
    system.interpose {
      _ = try? store.append(TestRows.batch(between))
      if isFlushing { try? store.flush() }
    }
    _ = try load(last, into: store)
    #expect(system.hasRun)
    try expectSame(store, model, "committed")
    try store.flush()
    try expectSame(store, model, "flushed")
    try store.close()
  }

  /// Rows and the deaths they bring are one commit.
  @Test func aKillLeavesTheStateBeforeOrAfter() throws {
    var rows = EventRows(seed: 31)
    rows.idCount = 9
    rows.days = [0, 46]
    let (first, second) = (rows.next(20), rows.next(20))
    var model = DuplicateIngestTests.Model()
    for row in first { model.append(row) }
    let before = model.sequences
    for row in second { model.append(row) }
    var call = 0
    var isDone = false
    while !isDone {
      call += 1
      try #require(call < 300)
      let system = MemoryFileSystem()
      let store = try IngestFixture.open(system)
      _ = try load(first, into: store)
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: true, number: 5))
      isDone = (try? load(second, into: store)) != nil
      let found = try IngestFixture.sequences(
        IngestFixture.open(system.afterKill()).snapshot())
      #expect(found == before || found == model.sequences, "call \(call)")
      if isDone { #expect(found == model.sequences) }
    }
    #expect(call > 10)
  }
}

/// Runs something when the temporary segments of an import are about to be synced.
private final class InterposedFileSystem: FileSystem {
  private let base: MemoryFileSystem
  private let action = Mutex<(@Sendable () -> Void)?>(nil)
  private let runCount = Atomic<Int>(0)

  init(_ base: MemoryFileSystem) { self.base = base }

  var hasRun: Bool { runCount.load(ordering: .relaxed) == 1 }

  func interpose(_ body: @escaping @Sendable () -> Void) { action.withLock { $0 = body } }

  func open(_ path: FilePath, _ mode: OpenMode) throws(TallyError) -> any File {
    if case .readWrite = mode, path.string.contains("/tmp/") {
      let body = action.withLock { action in
        let body = action
        action = nil
        return body
      }
      if let body {
        runCount.add(1, ordering: .relaxed)
        body()
      }
    }
    return try base.open(path, mode)
  }

  func createDirectory(_ path: FilePath) throws(TallyError) { try base.createDirectory(path) }
  func contents(ofDirectory path: FilePath) throws(TallyError) -> [String] {
    try base.contents(ofDirectory: path)
  }
  func kind(of path: FilePath) throws(TallyError) -> FileKind? { try base.kind(of: path) }
  func rename(_ source: FilePath, to target: FilePath) throws(TallyError) {
    try base.rename(source, to: target)
  }
  func remove(_ path: FilePath) throws(TallyError) { try base.remove(path) }
  func removeDirectory(_ path: FilePath) throws(TallyError) { try base.removeDirectory(path) }
  func synchronizeDirectory(_ path: FilePath) throws(TallyError) {
    try base.synchronizeDirectory(path)
  }
  func lock(_ path: FilePath, owner: String) throws(TallyError) -> any FileLock {
    try base.lock(path, owner: owner)
  }
  func lockShared(_ path: FilePath) throws(TallyError) -> any FileLock {
    try base.lockShared(path)
  }
}
