import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Backup and restore")
struct BackupTests {
  private let writing = Store.Mode.readWrite(creating: false)

  private func backUp(
    _ system: MemoryFileSystem, to target: FilePath, isLinking: Bool = true
  ) throws -> CopySummary {
    let store = try Store.open("/s", mode: .readOnly, fileSystem: system)
    var options = CopyOptions()
    options.isLinking = isLinking
    options.threadCount = 2
    return try store.backUp(to: target, options: options)
  }

  /// Living rows of a store, with what is in its log.
  private func rows(_ system: MemoryFileSystem, _ path: FilePath) throws -> [TestRow] {
    let copy = system.afterKill()
    let store = try Store.open(
      path, mode: writing, fileSystem: copy, options: CompactionScenario.options())
    return try CrashScenario.normalized(TestRows.readLiving(store.snapshot()))
  }

  @Test(
    "A backup and what is restored from it are the store, row by row", arguments: [true, false])
  func equality(isLinking: Bool) throws {
    let system = try Verifying.prepared()
    let expected = try rows(system, "/s")
    let summary = try backUp(system, to: "/b", isLinking: isLinking)
    #expect(summary.rowCount == expected.count)
    #expect(summary.linkedCount == (isLinking ? 4 : 0))
    #expect(try Verifying.run(system, path: "/b").findings == [])
    #expect(try rows(system, "/b") == expected)
    let restored = try Store.restore("/b", to: "/r", fileSystem: system)
    #expect(restored.linkedCount == 0)
    #expect(restored.rowCount == expected.count)
    #expect(try Verifying.run(system, path: "/r").findings == [])
    #expect(try rows(system, "/r") == expected)
    // The copies are stores of their own.
    let store = try Store.open("/r", mode: writing, fileSystem: system)
    try CompactionScenario.load(CrashScenario.rows(7), into: store)
    try store.close()
    #expect(try rows(system, "/s") == expected)
    #expect(try rows(system, "/b") == expected)
    #expect(try rows(system, "/r").count == expected.count + 12)
    #expect(try Verifying.run(system, path: "/r").findings == [])
  }

  @Test("The log's records are in the backup; a writer that goes on does not change it")
  func log() throws {
    let system = MemoryFileSystem()
    try system.createDirectory("/x")
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: system, options: IngestFixture.options())
    for number in 0..<6 {
      _ = try store.append(TestRows.batch(IngestFixture.rows(number)))
      if number == 3 { try store.flush() }
    }
    let summary = try backUp(system, to: "/b")
    #expect(summary.logRecordCount == 2)
    let inProcess = try store.backUp(to: "/b2")
    #expect(inProcess.logRecordCount == 2)
    for number in 6..<9 { _ = try store.append(TestRows.batch(IngestFixture.rows(number))) }
    try store.close()
    let expected = (0..<6).flatMap { IngestFixture.sequences(IngestFixture.rows($0)) }.sorted()
    for path in ["/b", "/b2"] as [FilePath] {
      let outcome = try Verifying.run(system, path: path)
      #expect(outcome.findings == [])
      #expect(outcome.summary.logRecordCount == 2)
      let copy = try Store.open(path, mode: writing, fileSystem: system)
      #expect(try IngestFixture.sequences(copy.snapshot()) == expected)
      // Numbers of records and files go on from the backup's.
      _ = try copy.append(TestRows.batch(IngestFixture.rows(20)))
      try copy.close()
      #expect(try Verifying.run(system, path: path).findings == [])
    }
  }

  @Test("A backup beside a writer at work holds a prefix of what was written")
  func concurrent() throws {
    let system = MemoryFileSystem()
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: system, options: IngestFixture.options())
    _ = try store.append(TestRows.batch(IngestFixture.rows(0)))
    let isDone = Atomic<Bool>(false)
    let backups = Mutex(0)
    try WorkerPool(threadCount: 2).run(count: 2) { (task, _) throws(TallyError) in
      if task == 0 {
        defer { isDone.store(true, ordering: .sequentiallyConsistent) }
        for number in 1..<60 {
          _ = try store.append(TestRows.batch(IngestFixture.rows(number)))
          if number % 7 == 0 { try store.flush() }
          if number % 20 == 0 { try store.compact() }
        }
      } else {
        repeat {
          let number = backups.withLock { number in
            number += 1
            return number
          }
          let reader = try Store.open("/s", mode: .readOnly, fileSystem: system)
          _ = try reader.backUp(to: FilePath("/b\(number)"))
          try reader.close()
        } while !isDone.load(ordering: .sequentiallyConsistent)
      }
    }
    _ = try store.backUp(to: FilePath("/b\(backups.withLock { $0 } + 1)"))
    try store.close()
    var counts: [Int] = []
    for number in 1...(backups.withLock { $0 } + 1) {
      let path = FilePath("/b\(number)")
      if number % 4 == 1 { #expect(try Verifying.run(system, path: path).findings == []) }
      let copy = try Store.open(path, mode: writing, fileSystem: system)
      let found = try IngestFixture.sequences(copy.snapshot())
      let count = found.count / 7
      let prefix = (0..<count).flatMap { IngestFixture.sequences(IngestFixture.rows($0)) }
      #expect(found == prefix.sorted())
      counts.append(count)
    }
    #expect(counts == counts.sorted())
    #expect(counts.last == 60)
  }

  @Test("A place that is not free is refused, and nothing there changes")
  func refusals() throws {
    let system = try Verifying.prepared()
    _ = try backUp(system, to: "/b")
    for target in ["/b", "/s", "/s/inside", "/s/LOCK"] as [FilePath] {
      let before = system.filePaths
      let error = #expect(throws: TallyError.self) { try backUp(system, to: target) }
      #expect(error?.code == .invalidArgument)
      #expect(system.filePaths.filter { !$0.contains("lease") } == before)
    }
    try system.createDirectory("/free")
    _ = try backUp(system, to: "/free")
  }

  @Test("A backup that fails at any call is no store, and says what it is")
  func interrupted() throws {
    let whole = try Verifying.prepared()
    let store = try Store.open("/s", mode: .readOnly, fileSystem: whole)
    whole.inject(nil)
    _ = try store.backUp(to: "/b")
    let total = whole.callCount
    for call in stride(from: 1, through: total, by: 7) {
      let system = try Verifying.prepared()
      let source = try Store.open("/s", mode: .readOnly, fileSystem: system)
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: true, number: 28))
      let outcome = Result { try source.backUp(to: "/b") }
      guard case .failure(let error) = outcome else {
        Issue.record("call \(call) of \(total) did not fail")
        continue
      }
      #expect((error as? TallyError)?.code == .diskFull || call < 20, "\(error)")
      for survivor in [system.afterKill(), system.afterPowerCut(seed: UInt64(call))] {
        // What became a store with the last call is a whole one.
        guard survivor.bytes(of: "/b/CURRENT") == nil else {
          #expect(try Verifying.run(survivor, path: "/b").findings == [])
          continue
        }
        #expect(throws: TallyError.self) {
          _ = try Store.open("/b", mode: .readOnly, fileSystem: survivor)
        }
      }
    }
  }

  @Test("Nothing is restored from a damaged backup")
  func damagedBackup() throws {
    let system = try Verifying.prepared()
    _ = try backUp(system, to: "/b", isLinking: false)
    for path in system.filePaths where path.hasPrefix("/b") && !path.hasSuffix("LOCK") {
      let original = system.bytes(of: path) ?? []
      guard original.count > 40 else { continue }
      let index = original.count / 3
      Verifying.flip(system, path, index)
      let error = #expect(throws: TallyError.self, "\(path)") {
        try Store.restore("/b", to: FilePath("/r\(index)\(path.utf8.count)"), fileSystem: system)
      }
      #expect(error?.code == .corruption)
      #expect(error?.path == path || error?.path?.hasPrefix("/b") == true)
      system.damage(path) { _ in original }
    }
    _ = try Store.restore("/b", to: "/r", fileSystem: system)
  }
}
