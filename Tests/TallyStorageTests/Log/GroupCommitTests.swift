import Foundation
import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Appends from many threads: one order for the disk, for `apply` and for the numbers.
@Suite("Group commit") struct GroupCommitTests {
  @Test func manyThreadsGetDenseNumbersAppliedInOrder() throws {
    let fileSystem = MemoryFileSystem()
    var options = LogFixture.options()
    options.isPreparingAhead = true
    options.fileByteCountMax = 64 << 10
    let fixture = try LogFixture(fileSystem, options: options)
    let threadCount = 16
    let perThread = 60
    let returned = Mutex<[UInt64: Int]>([:])
    let pool = WorkerPool(threadCount: threadCount)
    try pool.run(count: threadCount) { (task, _) throws(TallyError) in
      for index in 0..<perThread {
        let number = task * perThread + index
        let payload = LogFixture.payload(number, byteCount: 9 + number % 700)
        do {
          let lsn = try fixture.append(payload, isDurable: number % 5 != 0)
          returned.withLock { $0[lsn] = number }
        } catch {
          throw (error as? TallyError) ?? TallyError(.internal, "\(error)")
        }
      }
    }
    let applied = fixture.applied
    #expect(applied.map(\.lsn) == (1...UInt64(threadCount * perThread)).map { $0 })
    for record in applied { #expect(returned.withLock { $0[record.lsn] } == record.number) }
    for thread in 0..<threadCount {
      let own = applied.map(\.number).filter { $0 / perThread == thread }
      #expect(own == own.sorted(), "a thread's batches are applied in its order")
    }
    #expect(try LogFixture.records(fileSystem.afterKill()) == applied)
    try fixture.log.close()
    #expect(
      try LogFixture.records(fileSystem, newestNumber: fixture.newestNumber) == applied)
    #expect(throws: TallyError.self) { try fixture.append([1]) }
  }

  @Test func appendsWaitWhileTooMuchIsPending() throws {
    var options = LogFixture.options()
    options.pendingByteCountMax = 1_000
    let fixture = try LogFixture(MemoryFileSystem(), options: options)
    let pool = WorkerPool(threadCount: 8)
    try pool.run(count: 8) { (task, _) throws(TallyError) in
      for index in 0..<20 {
        do {
          try fixture.append(LogFixture.payload(task * 20 + index, byteCount: 900))
        } catch {
          throw (error as? TallyError) ?? TallyError(.internal, "\(error)")
        }
      }
    }
    #expect(Set(fixture.applied.map(\.number)) == Set(0..<160))
  }

  @Test func aReaderOfALogThatGrowsSeesWhatWasAcknowledged() throws {
    let fileSystem = MemoryFileSystem()
    let fixture = try LogFixture(fileSystem)
    let isDone = Atomic<Bool>(false)
    let pool = WorkerPool(threadCount: 2)
    try pool.run(count: 2) { (task, _) throws(TallyError) in
      do {
        guard task == 0 else {
          repeat {
            let before = fixture.applied.count
            let found = try LogFixture.records(fileSystem, isWriterActive: true)
            #expect(found.count >= before)
            #expect(found.enumerated().allSatisfy { $1.number == $0 && $1.lsn == UInt64($0) + 1 })
          } while !isDone.load(ordering: .acquiring)
          return
        }
        for number in 0..<300 {
          try fixture.append(LogFixture.payload(number, byteCount: 9 + number * 31 % 900))
        }
        isDone.store(true, ordering: .releasing)
      } catch {
        isDone.store(true, ordering: .releasing)
        throw (error as? TallyError) ?? TallyError(.internal, "\(error)")
      }
    }
  }

  @Test func theLongestPayloadIsTakenAndNoLongerOne() throws {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-log-\(UInt64.random(in: 0 ... .max))")
    defer { try? FileManager.default.removeItem(at: directory) }
    let root = FilePath(directory.path)
    let fileSystem = PosixFileSystem()
    let fixture = try LogFixture(fileSystem, root: root)
    let limit = LogFormat.payloadByteCountMax
    var expected: [Int] = []
    for byteCount in [1, limit - 1, limit] {
      try fixture.append([UInt8](repeating: 7, count: byteCount))
      expected.append(byteCount)
    }
    let error = #expect(throws: TallyError.self) {
      try fixture.append([UInt8](repeating: 7, count: limit + 1))
    }
    #expect(error?.code == .invalidInput)
    try fixture.append([8])
    var counts: [Int] = []
    let recovery = LogRecovery(
      at: LogFixture.place(fileSystem, root: root), newestNumber: fixture.newestNumber)
    _ = try recovery.recover(above: 0) { record in counts.append(record.payload.count) }
    #expect(counts == expected + [1])
    try fixture.log.close()
  }
}
