import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Erasure and retention interrupted")
struct PrivacyCrashTests {
  private static let original = Result { try PrivacyScenario.make(rowCount: 12, dayCount: 2) }

  private static func prepared() throws -> MemoryFileSystem { try original.get().afterKill() }

  private static func erase(_ system: MemoryFileSystem) throws {
    let store = try PrivacyScenario.open(system)
    _ = try store.erase(ErasureRequest(identity: PrivacyScenario.person))
    try store.close()
  }

  private static func retain(_ system: MemoryFileSystem) throws {
    let store = try PrivacyScenario.open(system)
    var policy = RetentionPolicy()
    policy.rowDayCount = 0
    let now = Int64(PrivacyScenario.firstDay + 5) * Day.microsecondsPerDay
    _ = try store.retain(policy, now: now)
    try store.close()
  }

  private static func callCount(_ work: (MemoryFileSystem) throws -> Void) throws -> Int {
    let system = try prepared()
    system.inject(nil)
    try work(system)
    return system.callCount
  }

  /// Debug builds look at every so-manieth call, release builds at each.
  #if DEBUG
    private static let callStride = 37
  #else
    private static let callStride = 1
  #endif

  @Test("Killed at any call, or failing once, sums stay, and erasing again completes")
  func erasure() throws {
    let expected = PrivacyScenario.sums(
      try PrivacyScenario.living(Self.prepared()), by: "model")
    let count = try Self.callCount(Self.erase)
    for (first, isLasting) in [(1, true), (5, false)] {
      for call in stride(from: first, through: count, by: Self.callStride) {
        let system = try Self.prepared()
        system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: isLasting, number: 5))
        _ = try? Self.erase(system)
        let survivor =
          isLasting && call % 2 == 0
          ? system.afterPowerCut(seed: UInt64(call)) : system.afterKill()
        let rows = try PrivacyScenario.living(survivor)
        #expect(PrivacyScenario.sums(rows, by: "model") == expected, "call \(call)")
        try Self.erase(survivor)
        #expect(
          try PrivacyScenario.places(of: PrivacyScenario.person, in: survivor) == [],
          "call \(call)")
        let after = try PrivacyScenario.living(survivor)
        #expect(PrivacyScenario.sums(after, by: "model") == expected, "again after \(call)")
      }
    }
  }

  @Test("Killed at any call, each day is rows or totals, with the same sums")
  func totals() throws {
    let expected = PrivacyScenario.sums(
      try PrivacyScenario.living(Self.prepared()), by: "model")
    let done = try Self.prepared()
    try Self.retain(done)
    let totals = try PrivacyScenario.living(done).count
    for call in stride(from: 2, through: try Self.callCount(Self.retain), by: Self.callStride) {
      let system = try Self.prepared()
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: true, number: 5))
      _ = try? Self.retain(system)
      let survivor =
        call % 2 == 0 ? system.afterPowerCut(seed: UInt64(call)) : system.afterKill()
      let rows = try PrivacyScenario.living(survivor)
      #expect(PrivacyScenario.sums(rows, by: "model") == expected, "call \(call)")
      try Self.retain(survivor)
      let after = try PrivacyScenario.living(survivor)
      #expect(PrivacyScenario.sums(after, by: "model") == expected, "again after \(call)")
      #expect(after.count == totals, "call \(call)")
    }
  }
}
