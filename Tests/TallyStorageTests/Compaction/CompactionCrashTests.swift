import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Compaction interrupted")
struct CompactionCrashTests {
  /// A closed store with three segments a day, some rows of them dead.
  private static let original = Result { () -> MemoryFileSystem in
    let system = MemoryFileSystem()
    let store = try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system,
      options: CompactionScenario.options())
    for number in 0..<3 { try CompactionScenario.load(CrashScenario.rows(number), into: store) }
    try CompactionScenario.deleteSome(store, oneIn: 4, seed: 2)
    try store.close()
    return system
  }

  private static func compact(_ system: MemoryFileSystem) throws {
    let store = try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system,
      options: CompactionScenario.options(segmentRowCountMax: 12))
    try store.compact()
    try store.close()
  }

  private static func prepared() throws -> MemoryFileSystem { try original.get().afterKill() }

  private static func callCount() throws -> Int {
    let system = try prepared()
    system.inject(nil)
    try compact(system)
    return system.callCount
  }

  /// Debug builds look at every eighth call, each test at others, release builds at each.
  #if DEBUG
    private static let callStride = 8
  #else
    private static let callStride = 1
  #endif

  @Test("Killed at any call, or failing once, no row is lost or doubled", arguments: [true, false])
  func killed(isLasting: Bool) throws {
    let expected = try CompactionScenario.rows(Self.prepared())
    for call in stride(from: isLasting ? 1 : 3, through: try Self.callCount(), by: Self.callStride)
    {
      let system = try Self.prepared()
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: isLasting, number: 5))
      _ = try? Self.compact(system)
      let survivor = system.afterKill()
      #expect(try CompactionScenario.rows(survivor) == expected, "call \(call)")
      try Self.compact(survivor)
      #expect(try CompactionScenario.rows(survivor) == expected, "again after call \(call)")
      let live = try Store.open("/s", mode: .readOnly, fileSystem: survivor).snapshot().segments
      #expect(CompactionScenario.segmentCount(survivor) == live.count, "call \(call)")
      #expect(survivor.bytes(of: "/s/tmp/GARBAGE") == nil, "call \(call)")
    }
  }

  @Test("After a power cut at any call no row is lost or doubled")
  func powerCut() throws {
    let expected = try CompactionScenario.rows(Self.prepared())
    for call in stride(from: 2, through: try Self.callCount() + 1, by: Self.callStride) {
      let system = try Self.prepared()
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: true, number: 5))
      _ = try? Self.compact(system)
      for seed in 0..<2 {
        let survivor = system.afterPowerCut(seed: UInt64(call * 4 + seed))
        #expect(try CompactionScenario.rows(survivor) == expected, "call \(call) seed \(seed)")
        guard seed == 0, call % 16 == 2 else { continue }
        try Self.compact(survivor)
        #expect(try CompactionScenario.rows(survivor) == expected, "again after call \(call)")
        let live = try Store.open("/s", mode: .readOnly, fileSystem: survivor).snapshot()
        #expect(CompactionScenario.segmentCount(survivor) == live.segments.count, "call \(call)")
      }
    }
  }
}
