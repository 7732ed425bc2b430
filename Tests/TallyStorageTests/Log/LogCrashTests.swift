import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// What a log holds after power cuts, kills and failures of the disk.
@Suite("Log crashes") struct LogCrashTests {
  /// What a workload was told.
  private struct Told {
    var sent: [Int: UInt64] = [:]
    /// Numbers of batches acknowledged as durable, by LSN.
    var durable: [UInt64: Int] = [:]
    /// All that were acknowledged, by LSN.
    var acknowledged: [UInt64: Int] = [:]
    var failures: [TallyError.Code] = []
    var isClosed = false
  }

  private static let batchCount = 26

  private func payload(_ number: Int) -> [UInt8] {
    LogFixture.payload(number, byteCount: 9 + number * 97 % 1_500)
  }

  /// Appends, every fourth batch without waiting for the disk, and closes.
  private func work(
    _ fixture: LogFixture, from start: Int = 0, closing: Bool = true, _ told: inout Told
  ) {
    for number in start..<(start + LogCrashTests.batchCount) {
      let isDurable = number % 4 != 3
      do {
        let lsn = try fixture.append(payload(number), isDurable: isDurable)
        told.acknowledged[lsn] = number
        if isDurable { for (lsn, number) in told.acknowledged { told.durable[lsn] = number } }
      } catch {
        told.failures.append((error as? TallyError)?.code ?? .internal)
      }
    }
    if closing { told.isClosed = (try? fixture.log.close()) != nil }
  }

  /// - Parameter required: batches that must be there.
  private func check(
    _ image: MemoryFileSystem, _ fixture: LogFixture, required: [UInt64: Int], _ label: String
  ) {
    do {
      let found = try LogFixture.records(image, newestNumber: fixture.newestNumber)
      let isDense = zip(found, 1...).allSatisfy { $0.lsn == UInt64($1) }
      #expect(isDense, "\(label): numbers have gaps")
      for (lsn, number) in required {
        guard lsn <= UInt64(found.count) else {
          Issue.record("\(label): record \(lsn) is lost")
          return
        }
        #expect(found[Int(lsn) - 1].number == number, "\(label): record \(lsn)")
      }
      for record in found where record.payload != payload(record.number) {
        Issue.record("\(label): record \(record.lsn) was never appended")
      }
      let numbers = found.map(\.number)
      #expect(numbers == numbers.sorted(), "\(label): the order has changed")
    } catch {
      Issue.record("\(label): \(error)")
    }
  }

  private static let callStride = 1

  @Test(arguments: [true, false])
  func aPowerCutAtAnyCallLosesNoDurableRecord(_ isOnlyDurable: Bool) throws {
    var call = 1
    var isComplete = false
    while !isComplete {
      let fileSystem = MemoryFileSystem()
      let fixture = try LogFixture(fileSystem)
      fileSystem.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: true, number: 5))
      var told = Told()
      work(fixture, closing: isOnlyDurable, &told)
      isComplete = told.failures.isEmpty && (told.isClosed || !isOnlyDurable)
      for seed in 0..<3 {
        let image = fileSystem.afterPowerCut(seed: UInt64(call * 3 + seed))
        check(image, fixture, required: told.durable, "call \(call), seed \(seed)")
      }
      check(
        fileSystem.afterKill(), fixture, required: told.acknowledged, "call \(call), killed")
      call += LogCrashTests.callStride
    }
    #expect(call > 50)
  }

  @Test(arguments: [Errno.ioError, .noSpace])
  func oneFailureIsSurvivedOrToldAtOnce(_ number: Errno) throws {
    var call = 1
    var isComplete = false
    while !isComplete {
      let fileSystem = MemoryFileSystem()
      let fixture = try LogFixture(fileSystem)
      fileSystem.inject(
        MemoryFileSystem.Fault(firstCall: call, isLasting: false, number: number.rawValue))
      var told = Told()
      work(fixture, &told)
      isComplete = fileSystem.callCount < call
      let label = "call \(call), \(number)"
      #expect(told.failures.count <= (number == .noSpace ? 1 : 0), "\(label): \(told.failures)")
      #expect(
        fixture.applied.map(\.number) == told.acknowledged.sorted { $0.key < $1.key }.map(\.value))
      check(fileSystem.afterKill(), fixture, required: told.acknowledged, label)
      for seed in 0..<2 {
        let image = fileSystem.afterPowerCut(seed: UInt64(call * 2 + seed))
        check(image, fixture, required: told.durable, "\(label), seed \(seed)")
      }
      call += LogCrashTests.callStride
    }
    #expect(call > 50)
  }

  @Test func aFullDiskIsSurvivedAndWritingResumes() throws {
    for call in stride(from: 1, to: 90, by: LogCrashTests.callStride) {
      let fileSystem = MemoryFileSystem()
      let fixture = try LogFixture(fileSystem)
      fileSystem.inject(
        MemoryFileSystem.Fault(
          firstCall: call, isLasting: true, number: Errno.noSpace.rawValue))
      var told = Told()
      work(fixture, closing: false, &told)
      #expect(told.failures.allSatisfy { $0 == .diskFull }, "call \(call): \(told.failures)")
      fileSystem.inject(nil)
      let failureCount = told.failures.count
      work(fixture, from: LogCrashTests.batchCount, &told)
      #expect(told.failures.count == failureCount, "call \(call): writing did not resume")
      #expect(told.isClosed)
      check(fileSystem.afterKill(), fixture, required: told.acknowledged, "call \(call)")
      for seed in 0..<2 {
        let image = fileSystem.afterPowerCut(seed: UInt64(call * 2 + seed))
        check(image, fixture, required: told.acknowledged, "call \(call), seed \(seed)")
      }
    }
  }

  @Test func aLastingFailureMakesTheLogReadOnly() throws {
    let fileSystem = MemoryFileSystem()
    let fixture = try LogFixture(fileSystem)
    try fixture.append(payload(1))
    fileSystem.inject(MemoryFileSystem.Fault(firstCall: 1, isLasting: true, number: 5))
    let first = #expect(throws: TallyError.self) { try fixture.append(payload(2)) }
    #expect(first?.code == .io)
    fileSystem.inject(nil)
    let second = #expect(throws: TallyError.self) { try fixture.append(payload(3)) }
    #expect(second?.code == .io)
    #expect(fileSystem.callCount == 0, "a log that failed leaves the disk alone")
    #expect(fixture.applied.map(\.number) == [1])
    #expect(try LogFixture.records(fileSystem).map(\.number) == [1])
  }

  @Test func whatOnlyTheSystemHeldIsSyncedBeforeNewRecordsBuildOnIt() throws {
    let fileSystem = MemoryFileSystem()
    let first = try LogFixture(fileSystem)
    try first.append(payload(1))
    try first.append(payload(2), isDurable: false)
    // The process is killed, the system is not: record 2 was never synced.
    let killed = fileSystem.afterKill()
    let second = try LogFixture(killed, newestNumber: first.newestNumber)
    #expect(second.applied.map(\.number) == [1, 2])
    try second.append(payload(4))
    for seed in 0..<30 {
      let found = try LogFixture.records(
        killed.afterPowerCut(seed: UInt64(seed)), newestNumber: second.newestNumber)
      #expect(found.map(\.number) == [1, 2, 4])
    }
  }

  @Test func crashesInARowAreSurvived() throws {
    for seed in 0..<12 {
      var random = SplitMix64(seed: UInt64(seed))
      var image = MemoryFileSystem()
      var newestNumber: UInt64 = 0
      var durable: [UInt64: Int] = [:]
      for life in 0..<6 {
        let fixture = try LogFixture(image, newestNumber: newestNumber)
        let start = life * LogCrashTests.batchCount
        var told = Told()
        told.durable = durable
        image.inject(
          MemoryFileSystem.Fault(
            firstCall: Int(random.next(below: 60)) + 1, isLasting: true, number: 5))
        work(fixture, from: start, closing: false, &told)
        durable = told.durable
        image = image.afterPowerCut(seed: random.next())
        check(image, fixture, required: durable, "seed \(seed), life \(life)")
        newestNumber = fixture.newestNumber
      }
    }
  }
}
