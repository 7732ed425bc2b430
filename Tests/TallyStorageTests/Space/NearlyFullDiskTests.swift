import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Stores on a small simulated disk.
@Suite("Nearly full disk") struct NearlyFullDiskTests {
  private static let reserveByteCount: Int64 = 64 << 10
  private static let freeByteCountMin: Int64 = 256 << 10
  private static let firstDay: Int64 = 20_454

  private static func open(_ disk: MemoryFileSystem) throws -> Store {
    var options = IngestFixture.options()
    options.reserveByteCount = reserveByteCount
    options.freeByteCountMin = freeByteCountMin
    return try IngestFixture.open(disk, options: options)
  }

  /// A store whose reserve has been made, with rows in segments of three days and in the log.
  private static func prepared(
    byteCountMax: Int = 4 << 20
  ) throws -> (disk: MemoryFileSystem, store: Store) {
    let disk = MemoryFileSystem()
    disk.limit(toByteCount: byteCountMax)
    let store = try open(disk)
    for number in 0..<6 {
      _ = try store.append(TestRows.batch(IngestFixture.rows(number)))
      if number == 3 { try store.flush() }
    }
    return (disk, store)
  }

  private static func expected(_ count: Int) -> [Int] {
    (0..<count).flatMap { IngestFixture.sequences(IngestFixture.rows($0)) }.sorted()
  }

  private static func reserve(_ disk: MemoryFileSystem) -> Int? {
    disk.bytes(of: "/store/reserve")?.count
  }

  private static func dropFirstDay(_ store: Store) throws -> RetentionReport {
    var policy = RetentionPolicy()
    policy.totalDayCount = 2
    return try store.retain(policy, now: (firstDay + 3) * Day.microsecondsPerDay)
  }

  /// Makes the disk so small that so many bytes are free.
  private static func leave(_ byteCount: Int, on disk: MemoryFileSystem) {
    disk.limit(toByteCount: disk.byteCount + byteCount)
  }

  @Test func rowsAreRefusedBeforeTheDiskIsFullAndTakenAsSoonAsThereIsRoom() throws {
    let (disk, store) = try Self.prepared()
    var number = 6
    var failure: TallyError?
    while failure == nil {
      do throws(TallyError) {
        let rows = IngestFixture.rows(number, count: 100)
        _ = try store.append(TestRows.batch(rows))
        number += 1
        if number % 20 == 0 { try store.flush() }
      } catch {
        failure = error
      }
    }
    #expect(failure?.code == .diskFull)
    #expect(failure?.message.contains("bytes left") == true)
    let space = try #require(try disk.space(at: "/"))
    #expect((1..<Self.freeByteCountMin).contains(space.freeByteCount))
    let expected = (0..<number).flatMap {
      IngestFixture.sequences(IngestFixture.rows($0, count: $0 < 6 ? 7 : 100))
    }.sorted()
    #expect(try IngestFixture.sequences(store.snapshot()) == expected)
    let importing = #expect(throws: TallyError.self) { try store.beginImport() }
    #expect(importing?.code == .diskFull)
    // What makes room goes on, and nothing has to be opened anew afterwards.
    try store.flush()
    #expect(try Self.dropFirstDay(store).steps.first?.dayCount == 1)
    try store.compact()
    disk.limit(toByteCount: 64 << 20)
    _ = try store.append(TestRows.batch(IngestFixture.rows(number)))
    try store.close()
  }

  @Test func theLimitIsExactAndConfigurable() throws {
    let (disk, store) = try Self.prepared()
    for (free, isTaken) in [(-1, false), (0, true), (1, true)] {
      // The system is asked again after a flush. The log's file has room.
      try store.flush()
      Self.leave(Int(Self.freeByteCountMin) + free, on: disk)
      let outcome = Result {
        try store.append(TestRows.batch(IngestFixture.rows(50 + free)))
      }
      #expect(((try? outcome.get()) != nil) == isTaken, "\(free)")
    }
    try store.close()
    var options = IngestFixture.options()
    options.freeByteCountMin = 0
    disk.limit(toByteCount: disk.byteCount + (40 << 10))
    let unlimited = try IngestFixture.open(disk, options: options)
    _ = try unlimited.append(TestRows.batch(IngestFixture.rows(60)))
    try unlimited.close()
  }

  @Test func onAFullDiskTheReserveLetsEveryCommitAndDeletionFinish() throws {
    let (disk, store) = try Self.prepared()
    #expect(Self.reserve(disk) == Int(Self.reserveByteCount))
    disk.limit(toByteCount: disk.byteCount)
    try store.flush()
    #expect(Self.reserve(disk) == nil)
    #expect(throws: TallyError.self) {
      try store.append(TestRows.batch(IngestFixture.rows(9)))
    }
    #expect(try IngestFixture.sequences(store.snapshot()) == Self.expected(6))
    #expect(try Self.dropFirstDay(store).steps.first?.dayCount == 1)
    let left = try IngestFixture.sequences(store.snapshot())
    #expect(left.count < Self.expected(6).count)
    try store.close()
    // Opened on the full disk, and with room again.
    let full = try Self.open(disk)
    #expect(try IngestFixture.sequences(full.snapshot()) == left)
    disk.limit(toByteCount: 8 << 20)
    _ = try full.append(TestRows.batch(IngestFixture.rows(9)))
    try full.flush()
    #expect(Self.reserve(disk) == Int(Self.reserveByteCount))
    try full.close()
    #expect(try Verifying.run(disk, path: IngestFixture.path).findings == [])
  }

  /// Debug builds look at every fifth call, release builds at each.
  #if DEBUG
    private static let callStride = 5
  #else
    private static let callStride = 1
  #endif

  /// What must succeed with a reserve, by name.
  private static let works: [(String, @Sendable (Store) throws -> Void)] = [
    ("flush", { try $0.flush() }),
    ("retain", { _ = try NearlyFullDiskTests.dropFirstDay($0) }),
    ("delete", { try CompactionScenario.deleteSome($0, oneIn: 3, seed: 1) }),
    ("close", { try $0.close() }),
  ]

  @Test(arguments: [0, 1, 2, 3])
  func spaceThatRunsOutOnceAtAnyCallOfACommitFailsNothing(_ index: Int) throws {
    let (name, work) = Self.works[index]
    let rehearsal = try Self.prepared()
    rehearsal.disk.inject(nil)
    try work(rehearsal.store)
    let count = rehearsal.disk.callCount
    let expected = try Self.living(rehearsal.disk)
    #expect(count > 5)
    for call in stride(from: 1 + index % Self.callStride, through: count, by: Self.callStride) {
      let (disk, store) = try Self.prepared()
      disk.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: false, number: 28))
      do {
        try work(store)
      } catch {
        Issue.record("\(name), call \(call): \(error)")
      }
      disk.inject(nil)
      #expect(try Self.living(disk) == expected, "\(name), call \(call)")
    }
  }

  private static func living(_ disk: MemoryFileSystem) throws -> [Int] {
    let store = try IngestFixture.open(disk.afterPowerCut(.dropped))
    return try IngestFixture.sequences(store.snapshot())
  }

  @Test func aReserveThatACrashCutShortIsMadeAnew() throws {
    let (disk, store) = try Self.prepared()
    try store.close()
    disk.damage("/store/reserve") { Array($0.prefix(1_000)) }
    let again = try Self.open(disk)
    _ = try again.append(TestRows.batch(IngestFixture.rows(9)))
    try again.flush()
    #expect(Self.reserve(disk) == Int(Self.reserveByteCount))
    try again.close()
  }

  @Test func withoutRoomBesideTheMinimumThereIsNoReserve() throws {
    let room = Int(Self.freeByteCountMin + 2 * Self.reserveByteCount)
    let (disk, store) = try Self.prepared(byteCountMax: room)
    #expect(Self.reserve(disk) == nil)
    try store.close()
  }
}
