import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// A store with one commit, and a second import to be interrupted in every way.
enum CrashScenario {
  static func rows(_ number: Int) -> [TestRow] {
    var random = SplitMix64(seed: UInt64(number))
    let rows = TestRows.random(12, dayCount: 2, from: number * 12, &random)
    // Few columns: these tests write a thousand small segments.
    return rows.map { row in row.filter { ["time", "org", "sequence"].contains($0.key) } }
  }

  static let before = TestRows.sorted(rows(0))
  static let after = before + TestRows.sorted(rows(1))

  /// A store holding `rows(0)`, everything synced; the caller's own copy.
  static func prepared() throws -> MemoryFileSystem { try original.get().afterKill() }

  private static let original = Result { try create() }

  private static func create() throws -> MemoryFileSystem {
    let system = MemoryFileSystem()
    let store = try Store.open("/s", mode: .readWrite(creating: true), fileSystem: system)
    try load(rows(0), into: store)
    try store.close()
    return system
  }

  static func load(_ rows: [TestRow], into store: Store) throws {
    var options = BulkImport.Options()
    options.threadCount = 1
    options.memoryByteCountMax = 1
    options.ingestedAtMicroseconds = 1
    let bulk = try store.beginImport(options: options)
    try bulk.add(TestRows.batch(Array(rows.prefix(7))))
    try bulk.add(TestRows.batch(Array(rows.dropFirst(7))))
    _ = try bulk.commit()
  }

  /// Opens for writing, imports `rows(1)`, closes.
  static func importMore(_ system: MemoryFileSystem) throws {
    let store = try Store.open("/s", mode: .readWrite(creating: false), fileSystem: system)
    try load(rows(1), into: store)
    try store.close()
  }

  /// Sorted by their unique number, because segments of two imports interleave by day.
  static func normalized(_ rows: [TestRow]) -> [TestRow] {
    func number(_ row: TestRow) -> Int128 {
      if case .int(let value) = row["sequence"] { value } else { -1 }
    }
    return rows.sorted { number($0) < number($1) }
  }

  static func contents(_ system: MemoryFileSystem) throws -> [TestRow] {
    let store = try Store.open("/s", mode: .readOnly, fileSystem: system)
    return normalized(try TestRows.read(store.snapshot()))
  }
}

@Suite("Durability")
struct DurabilityTests {
  private let before = CrashScenario.normalized(CrashScenario.before)
  private let after = CrashScenario.normalized(CrashScenario.after)

  /// Debug builds look at every third call, release builds at each.
  #if DEBUG
    private static let callStride = 3
  #else
    private static let callStride = 1
  #endif

  private func callCount() throws -> Int {
    let system = try CrashScenario.prepared()
    system.inject(nil)
    try CrashScenario.importMore(system)
    return system.callCount
  }

  @Test("After a power cut at any call a store shows the state before or after an import")
  func powerCut() throws {
    let total = try callCount()
    var outcomes: Set<Bool> = []
    for call in stride(from: 1, through: total + 1, by: Self.callStride) {
      let system = try CrashScenario.prepared()
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: true, number: 5))
      let isAcknowledged = (try? CrashScenario.importMore(system)) != nil
      for seed in 0..<3 {
        let survivor = system.afterPowerCut(seed: UInt64(call * 4 + seed))
        let rows = try CrashScenario.contents(survivor)
        #expect(rows == before || rows == after, "call \(call) seed \(seed)")
        if isAcknowledged { #expect(rows == after, "call \(call) seed \(seed)") }
        outcomes.insert(rows == after)
        guard seed == 0, call % 4 == 1, rows == before else { continue }
        try CrashScenario.importMore(survivor)
        #expect(try CrashScenario.contents(survivor) == after, "again after call \(call)")
      }
    }
    #expect(outcomes == [true, false])
  }

  @Test("A power cut while a store is created leaves no store, or an empty one that works")
  func powerCutAtCreation() throws {
    for call in stride(from: 1, through: 50, by: 2) {
      let system = MemoryFileSystem()
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: true, number: 5))
      _ = try? Store.open("/s", mode: .readWrite(creating: true), fileSystem: system)
      for seed in 0..<2 {
        let survivor = system.afterPowerCut(seed: UInt64(call * 3 + seed))
        let store = try Store.open("/s", mode: .readWrite(creating: true), fileSystem: survivor)
        try CrashScenario.load(CrashScenario.rows(0), into: store)
        try store.close()
        #expect(try CrashScenario.contents(survivor) == before)
      }
    }
  }

  @Test("A process killed at any call loses and leaves nothing", arguments: [true, false])
  func killed(isLasting: Bool) throws {
    let total = try callCount()
    for call in stride(from: 1, through: total, by: Self.callStride) {
      let system = try CrashScenario.prepared()
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: isLasting, number: 28))
      let outcome = Result { try CrashScenario.importMore(system) }
      let survivor = system.afterKill()
      let rows = try CrashScenario.contents(survivor)
      #expect(rows == before || rows == after, "call \(call)")
      switch outcome {
      case .success: #expect(rows == after, "call \(call)")
      case .failure(let error): #expect(error is TallyError)
      }
      // The next writer tidies up and carries on.
      if rows == before { try CrashScenario.importMore(survivor) }
      try Store.open("/s", mode: .readWrite(creating: false), fileSystem: survivor).close()
      #expect(try CrashScenario.contents(survivor) == after, "call \(call)")
      let segments = survivor.filePaths.filter { $0.hasSuffix(".seg") }
      let live = try Store.open("/s", mode: .readOnly, fileSystem: survivor).snapshot().segments
      #expect(segments.count == live.count, "call \(call): \(segments)")
    }
  }

  @Test("A commit that fails midway leaves the same store usable or says that it is not")
  func failedCommitThenAnother() throws {
    let total = try callCount()
    for call in stride(from: 1, through: total, by: Self.callStride) {
      let system = try CrashScenario.prepared()
      let store = try Store.open("/s", mode: .readWrite(creating: false), fileSystem: system)
      // A first commit, so that the next one is an edit appended to the log.
      try CrashScenario.load(CrashScenario.rows(2), into: store)
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: false, number: 5))
      let failed = (try? CrashScenario.load(CrashScenario.rows(1), into: store)) == nil
      system.inject(nil)
      if failed {
        try CrashScenario.load(CrashScenario.rows(1), into: store)
      }
      for seed in 0..<2 {
        let rows = try CrashScenario.contents(system.afterPowerCut(seed: UInt64(call * 2 + seed)))
        #expect(rows.count == 36, "call \(call)")
      }
      try store.close()
      #expect(try CrashScenario.contents(system).count == 36)
    }
  }
}
