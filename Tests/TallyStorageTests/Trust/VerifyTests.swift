import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Verifying stores in memory.
enum Verifying {
  struct Outcome {
    var findings: [Finding]
    var summary: VerifySummary

    var needsRepair: [Finding] { findings.filter(\.needsRepair) }
  }

  static func run(
    _ system: MemoryFileSystem, path: FilePath = "/s", isDeep: Bool = true
  ) throws -> Outcome {
    let store = try Store.open(path, mode: .readOnly, fileSystem: system)
    return try run(store, isDeep: isDeep)
  }

  static func run(_ store: Store, isDeep: Bool = true) throws -> Outcome {
    var options = VerifyOptions()
    options.isDeep = isDeep
    options.threadCount = 2
    let found = Mutex<[Finding]>([])
    let summary = try store.verify(options) { finding in
      found.withLock { $0.append(finding) }
    }
    return Outcome(findings: found.withLock { $0 }, summary: summary)
  }

  /// Two imports with event ids, dead rows, every type and a log with records in it.
  static func prepared() throws -> MemoryFileSystem { try original.get().afterKill() }

  private static let original = Result { try create() }

  private static func create() throws -> MemoryFileSystem {
    let system = MemoryFileSystem()
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: system,
      options: CompactionScenario.options())
    for (number, rows) in CompactionScenario.imports(2, rowCount: 30, seed: 5).enumerated() {
      let named = rows.enumerated().map { index, row in
        row.merging(["event_id": TestRows.text("event-\(number)-\(index % 25)")]) { $1 }
      }
      try CompactionScenario.load(named, into: store)
    }
    try store.close()
    return system
  }

  static func flip(_ system: MemoryFileSystem, _ path: String, _ index: Int) {
    system.damage(path) { bytes in
      var changed = bytes
      changed[index] ^= UInt8(1 << (index & 7))
      return changed
    }
  }
}

@Suite("Verification")
struct VerifyTests {
  @Test("An intact store has no findings")
  func intact() throws {
    let outcome = try Verifying.run(Verifying.prepared())
    #expect(outcome.findings == [])
    #expect(outcome.summary.isIntact)
    #expect(outcome.summary.rowCount > 50)
    #expect(outcome.summary.segmentCount == 4)
    #expect(outcome.summary.dictionaryCount == 3)
    let shallow = try Verifying.run(Verifying.prepared(), isDeep: false)
    #expect(shallow.findings == [])
    #expect(shallow.summary.byteCount < outcome.summary.byteCount)
  }

  /// Whether verification finds something, or refuses to open the store.
  private func isNoticed(_ system: MemoryFileSystem) throws -> Bool {
    do {
      return try !Verifying.run(system).summary.isIntact
    } catch let error as TallyError {
      #expect([.corruption, .version, .invalidArgument].contains(error.code), "\(error)")
      return true
    }
  }

  #if DEBUG
    private static func step(_ path: String) -> Int { path.hasSuffix(".seg") ? 59 : 5 }
  #else
    private static func step(_ path: String) -> Int { 1 }
  #endif

  @Test("Every flipped byte of a file that holds data is found")
  func flips() throws {
    let system = try Verifying.prepared()
    let expected = try CrashScenario.contents(system)
    for path in system.filePaths where !path.hasSuffix("LOCK") {
      let original = system.bytes(of: path) ?? []
      // Debug builds look at a sample.
      let step = Self.step(path)
      for index in stride(from: original.count % step, to: original.count, by: step) {
        Verifying.flip(system, path, index)
        #expect(try isNoticed(system), "\(path) byte \(index)")
        system.damage(path) { _ in original }
      }
    }
    #expect(try CrashScenario.contents(system) == expected)
    #expect(try Verifying.run(system).findings == [])
  }

  @Test("Every file that is cut short or lost is found")
  func cuts() throws {
    for path in try Verifying.prepared().filePaths where !path.hasSuffix("LOCK") {
      let system = try Verifying.prepared()
      let original = system.bytes(of: path) ?? []
      let step = Self.step(path) * 2 + 1
      for count in stride(from: 0, to: original.count, by: step) {
        system.damage(path) { _ in Array(original.prefix(count)) }
        #expect(try isNoticed(system), "\(path) cut to \(count)")
      }
      system.damage(path) { _ in nil }
      #expect(try isNoticed(system), "\(path) removed")
    }
  }

  @Test("Findings name the file, the column, the page and the byte, and do not end the search")
  func places() throws {
    let system = try Verifying.prepared()
    let store = try Store.open("/s", mode: .readOnly, fileSystem: system)
    let segments = try store.snapshot().segments
    var places: [(path: String, offset: Int64)] = []
    for reader in segments.prefix(2) {
      let page = try #require(reader.footer().column(id: 0)?.chunks.first?.pages.first)
      Verifying.flip(system, reader.path.string, Int(page.offset))
      places.append((String(reader.path.string.dropFirst(3)), page.offset))
    }
    let shallow = try Verifying.run(system, isDeep: false)
    #expect(shallow.findings == [])
    let found = try Verifying.run(system).findings.filter { $0.column == "time" }
    #expect(found.map(\.path) == places.map(\.path))
    #expect(found.map(\.offset) == places.map(\.offset))
    #expect(found.map(\.segmentID) == segments.prefix(2).map(\.info.id))
    #expect(found.allSatisfy { $0.page == 0 && $0.rowGroup == 0 && $0.kind == .damage })
    #expect(found.allSatisfy { $0.message.contains("checksum") })
  }

  @Test("A damaged index of event ids is derived damage, and a stray file no damage")
  func kinds() throws {
    let system = try Verifying.prepared()
    let store = try Store.open("/s", mode: .readOnly, fileSystem: system)
    let reader = try #require(try store.snapshot().segments.first)
    let entry = try #require(reader.footer().sections.first { $0.type == 4 })
    Verifying.flip(system, reader.path.string, Int(entry.offset) + 20)
    _ = try system.open("/s/partitions/2026-01-01/00000099.seg", .createNew)
    let outcome = try Verifying.run(system)
    #expect(Set(outcome.findings.map(\.kind)) == [.derived, .leftover])
    #expect(outcome.summary.leftoverCount == 1)
    #expect(outcome.findings.last?.path == "partitions/2026-01-01/00000099.seg")
  }

  @Test("A store can be verified while it is written, and its log is part of it")
  func whileWriting() throws {
    let system = MemoryFileSystem()
    let store = try IngestFixture.open(system)
    for number in 0..<5 { _ = try store.append(TestRows.batch(IngestFixture.rows(number))) }
    #expect(try Verifying.run(store).findings == [])
    let before = try Verifying.run(system, path: IngestFixture.path)
    #expect(before.findings == [])
    #expect(before.summary.logRecordCount == 5)
    try store.flush()
    _ = try store.append(TestRows.batch(IngestFixture.rows(9)))
    let after = try Verifying.run(system, path: IngestFixture.path)
    #expect(after.findings == [])
    #expect(after.summary.logRecordCount == 1)
    // Without the writer, a record that was acknowledged is damaged.
    let copy = system.afterKill()
    let path = try #require(copy.filePaths.last { $0.hasSuffix(".wal") })
    let bytes = try #require(copy.bytes(of: path))
    let last = try #require(bytes.lastIndex { $0 != 0 })
    copy.damage(path) { bytes in
      var changed = bytes
      changed[last - 40] ^= 0x55
      return changed
    }
    let damaged = try Verifying.run(copy, path: IngestFixture.path)
    #expect(damaged.needsRepair.map(\.path) == ["wal/" + (path.split(separator: "/").last ?? "")])
    try store.close()
  }
}
