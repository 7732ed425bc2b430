import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Retention")
struct RetentionTests {
  /// Half past ten of the day `offset` days after the scenario's first.
  private static func time(_ offset: Int32) -> Int64 {
    Int64(PrivacyScenario.firstDay + offset) * Day.microsecondsPerDay + 37_800_000_000
  }

  private static func days(_ store: Store) throws -> [Int32] {
    try store.snapshot().partitions().map { $0.day.number - PrivacyScenario.firstDay }
  }

  @Test("A day goes when all of it is older: n - 1 and n stay, n + 1 goes", arguments: [0, 1, 3])
  func boundary(count: Int) throws {
    let system = MemoryFileSystem()
    let store = try PrivacyScenario.open(system)
    let rows = (0..<6).map { day -> TestRow in
      [
        "time": .timestamp(Self.time(Int32(day))), "sequence": .int(Int128(day)),
        "org": PrivacyScenario.text("acme"),
      ]
    }
    try PrivacyScenario.load(rows, into: store)
    var policy = RetentionPolicy()
    policy.dayCount = count
    let dry = try store.retain(policy, now: Self.time(5), isDryRun: true)
    #expect(try Self.days(store) == [0, 1, 2, 3, 4, 5])
    let report = try store.retain(policy, now: Self.time(5))
    #expect(try Self.days(store) == (0...5).filter { 5 - Int($0) <= count })
    #expect(report == dry && report.steps.first?.dayCount == 5 - count)
    #expect(report.after.rowCount == count + 1 && report.before.rowCount == 6)
    try store.close()
    #expect(CompactionScenario.segmentCount(system) == count + 1)
  }

  @Test("Totals have the sums of their rows by every column they keep, and nothing of a person")
  func totals() throws {
    let system = try PrivacyScenario.make(rowCount: 200, dayCount: 3)
    let store = try PrivacyScenario.open(system)
    let before = try TestRows.readLiving(store.snapshot())
    var policy = RetentionPolicy()
    policy.rowDayCount = 1
    let dry = try store.retain(policy, now: Self.time(3), isDryRun: true)
    #expect(try TestRows.readLiving(store.snapshot()) == before)
    let report = try store.retain(policy, now: Self.time(3))
    let after = try TestRows.readLiving(store.snapshot())
    #expect(report == dry && report.after.rowCount == after.count && after.count < before.count)
    for column in [nil, "org", "team", "model", "tag", "success"] {
      #expect(
        PrivacyScenario.sums(after, by: column) == PrivacyScenario.sums(before, by: column))
    }
    let limit = Int64(PrivacyScenario.firstDay + 2) * Day.microsecondsPerDay
    let old = after.filter { row in
      if case .timestamp(let time)? = row["time"] { time < limit } else { false }
    }
    #expect(!old.isEmpty && old.count < after.count)
    let gone = ["user", "end_user", "api_key", "session", "event_id", "metadata", "latency_ms"]
    #expect(old.allSatisfy { row in !gone.contains { row[$0] != nil } })
    let newBefore = before.count { !Self.isBefore(limit, $0) }
    #expect(after.count - old.count == newBefore)
  }

  private static func isBefore(_ limit: Int64, _ row: TestRow) -> Bool {
    if case .timestamp(let time)? = row["time"] { time < limit } else { false }
  }

  @Test("Totals are made once, and take in rows that come late")
  func idempotent() throws {
    let system = try PrivacyScenario.make(rowCount: 60, dayCount: 2)
    let store = try PrivacyScenario.open(system)
    var policy = RetentionPolicy()
    policy.rowDayCount = 0
    _ = try store.retain(policy, now: Self.time(4))
    let generation = try store.snapshot().generation
    let again = try store.retain(policy, now: Self.time(4))
    #expect(again.steps.allSatisfy { $0.dayCount == 0 } && again.before == again.after)
    #expect(try store.snapshot().generation == generation)
    let late = PrivacyScenario.rows(30, dayCount: 1, seed: 11, from: 5_000)
    let before = try TestRows.readLiving(store.snapshot()) + late.map { TestRows.withDefaults($0) }
    _ = try store.append(PrivacyScenario.batch(late))
    let report = try store.retain(policy, now: Self.time(4))
    #expect(report.steps.first?.dayCount == 1)
    let after = try TestRows.readLiving(store.snapshot())
    for column in ["org", "team", "model"] {
      #expect(
        PrivacyScenario.sums(after, by: column) == PrivacyScenario.sums(before, by: column))
    }
    policy.totalDayCount = 3
    _ = try store.retain(policy, now: Self.time(4))
    #expect(try Self.days(store) == [1])
  }

  @Test("Sums beyond 64 bits and NULLs stay exact")
  func wideSums() throws {
    let store = try PrivacyScenario.open(MemoryFileSystem())
    let rows = (0..<6).map { number -> TestRow in
      var row: TestRow = [
        "time": .timestamp(Self.time(0)), "model": PrivacyScenario.text("m"),
        "sequence": .int(number == 5 ? Int128(Int64.min) : Int128(Int64.max)),
      ]
      if number < 2 {
        row["cost"] = .decimal(unscaled: 999_999_999_999_999_999, scale: 9)
        row["input_tokens"] = .int(number == 0 ? 3 : 4)
      }
      row["requests"] = number == 3 ? .null : .int(2)
      return row
    }
    try PrivacyScenario.load(rows, into: store)
    let before = try TestRows.readLiving(store.snapshot())
    var policy = RetentionPolicy()
    policy.rowDayCount = 0
    _ = try store.retain(policy, now: Self.time(2))
    let after = try TestRows.readLiving(store.snapshot())
    #expect(after.count > 1 && after.count < 6)
    #expect(
      PrivacyScenario.sums(after, by: "model") == PrivacyScenario.sums(before, by: "model"))
    #expect(after.allSatisfy { $0["output_tokens"] == nil })
  }

  @Test("Columns go, the rest of their rows stays")
  func columns() throws {
    let system = try PrivacyScenario.make(rowCount: 60, dayCount: 3)
    let store = try PrivacyScenario.open(system)
    let before = try TestRows.readLiving(store.snapshot())
    var policy = RetentionPolicy()
    policy.columnDayCount = 1
    policy.columns = ["metadata", "latency_ms"]
    let report = try store.retain(policy, now: Self.time(3))
    #expect(report.steps.first?.dayCount == 2 && report.after.byteCount < report.before.byteCount)
    let limit = Int64(PrivacyScenario.firstDay + 2) * Day.microsecondsPerDay
    let expected = before.map { row -> TestRow in
      Self.isBefore(limit, row) ? row.filter { !policy.columns.contains($0.key) } : row
    }
    #expect(
      CrashScenario.normalized(try TestRows.readLiving(store.snapshot()))
        == CrashScenario.normalized(expected))
    let again = try store.retain(policy, now: Self.time(3))
    #expect(again.steps.first?.dayCount == 0)
  }

  @Test("A policy that makes no sense is refused")
  func refused() throws {
    let store = try PrivacyScenario.open(MemoryFileSystem())
    var policies = [RetentionPolicy](repeating: RetentionPolicy(), count: 5)
    policies[1].dayCount = -1
    policies[2].columnDayCount = 3
    policies[2].columns = ["latncy_ms"]
    policies[3].columnDayCount = 3
    policies[3].columns = ["org"]
    policies[4].rowDayCount = 30
    policies[4].totalDayCount = 7
    for policy in policies {
      do {
        _ = try store.retain(policy)
        Issue.record("a policy was taken: \(policy)")
      } catch {
        #expect(error.code == .invalidArgument)
      }
    }
  }
}
