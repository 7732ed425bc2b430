import Synchronization
import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Rows on their way from the buffer to segments are in every snapshot, once.
@Suite struct SnapshotDuringFlushTests {
  @Test func rowsAreThereOnceWhileTheyAreCommitted() throws {
    let store = try IngestFixture.open(MemoryFileSystem())
    let sent = Atomic<Int>(0)
    let acknowledged = Atomic<Int>(0)
    let isDone = Atomic<Bool>(false)
    let failures = Mutex<[String]>([])
    let pool = WorkerPool(threadCount: 3)
    try pool.run(count: 3) { (task, _) throws(TallyError) in
      if task == 0 {
        defer { isDone.store(true, ordering: .releasing) }
        for number in 0..<120 {
          let rows = IngestFixture.rows(number, count: 2)
          let total = sent.add(rows.count, ordering: .sequentiallyConsistent).newValue
          _ = try store.append(TestRows.batch(rows))
          acknowledged.store(total, ordering: .sequentiallyConsistent)
          try store.flush()
        }
        return
      }
      while !isDone.load(ordering: .acquiring) {
        let atLeast = acknowledged.load(ordering: .sequentiallyConsistent)
        let count = try store.snapshot().rowCount
        let atMost = sent.load(ordering: .sequentiallyConsistent)
        if !(atLeast...atMost).contains(count) {
          failures.withLock { $0.append("\(count) rows, expected \(atLeast) to \(atMost)") }
        }
      }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(try store.snapshot().rowCount == 240)
    try store.close()
  }
}
