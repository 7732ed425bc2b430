import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// A writer is killed, the next one builds on what it left in the system's memory, and then the
/// power goes.
@Suite("Power cut after a killed writer") struct KilledWriterTests {
  private static func append(_ from: Int, _ store: Store) throws {
    var random = SplitMix64(seed: UInt64(from))
    let rows = TestRows.random(5, dayCount: 2, from: from, &random)
    _ = try store.append(TestRows.batch(rows))
  }

  private static func sequences(_ system: MemoryFileSystem) throws -> Set<Value> {
    let store = try Store.open("/s", mode: .readOnly, fileSystem: system)
    defer { try? store.close() }
    return Set(try TestRows.readLiving(store.snapshot()).compactMap { $0["sequence"] })
  }

  private static let callStride = 1

  @Test("The second writer's events are there, whichever call was the first one's last")
  func buildsOnDurableGround() throws {
    var call = 1
    var isComplete = false
    while !isComplete {
      let system = MemoryFileSystem()
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: true, number: 5))
      do {
        let first = try PrivacyScenario.open(system)
        try Self.append(0, first)
        try first.flush()
        try first.close()
        isComplete = true
      } catch {}
      let killed = system.afterKill()
      let second = try PrivacyScenario.open(killed)
      try Self.append(100, second)
      let logged = killed.afterKill()
      try second.flush()
      for seed in 0..<2 {
        // In the log only: the next writer takes them from there.
        let recovered = logged.afterPowerCut(seed: UInt64(call * 2 + seed))
        try PrivacyScenario.open(recovered).close()
        let found = try Self.sequences(recovered)
        let flushed = try Self.sequences(killed.afterPowerCut(seed: UInt64(call * 2 + seed)))
        for number in 100..<105 {
          #expect(found.contains(.int(Int128(number))), "call \(call), seed \(seed)")
          #expect(flushed.contains(.int(Int128(number))), "call \(call), seed \(seed), flushed")
        }
      }
      call += Self.callStride
    }
    #expect(call > 20)
  }
}
