import Synchronization
import TallyBase
import Testing

@Suite struct WorkerPoolTests {
  @Test func everyTaskRunsOnceAndWorkersNeverShare() throws {
    let pool = WorkerPool(threadCount: 3)
    let counts = Mutex([Int](repeating: 0, count: 1_000))
    let busy = Mutex<Set<Int>>([])
    let shared = Atomic<Bool>(false)
    try pool.run(count: 1_000) { task, worker in
      if !busy.withLock({ $0.insert(worker).inserted }) { shared.store(true, ordering: .relaxed) }
      counts.withLock { $0[task] += 1 }
      _ = busy.withLock { $0.remove(worker) }
    }
    #expect(counts.withLock { $0 }.allSatisfy { $0 == 1 })
    let wasShared = shared.load(ordering: .relaxed)
    #expect(!wasShared)
  }

  @Test func theFirstErrorStopsTheJobAndThePoolGoesOn() throws {
    let pool = WorkerPool(threadCount: 2)
    let done = Atomic<Int>(0)
    #expect(throws: TallyError.self) {
      try pool.run(count: 1_000_000) { (task, _) throws(TallyError) in
        done.add(1, ordering: .relaxed)
        if task == 10 { throw TallyError(.cancelled, "enough") }
      }
    }
    let doneCount = done.load(ordering: .relaxed)
    #expect(doneCount < 1_000_000)
    try pool.run(count: 5) { _, _ in done.store(0, ordering: .relaxed) }
    let after = done.load(ordering: .relaxed)
    #expect(after == 0)
  }

  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }

  @Test func manyCallersTakeTurns() async throws {
    let pool = WorkerPool(threadCount: 2)
    let total = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<50 {
            try pool.run(count: 20) { _, _ in total.value.add(1, ordering: .relaxed) }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(total.value.load(ordering: .relaxed) == 8 * 50 * 20)
  }

  @Test func aBudgetRefusesWhatIsOverAndKeepsTheRest() throws {
    let budget = MemoryBudget(byteCountMax: 100)
    try budget.reserve(60)
    #expect(throws: TallyError.self) { try budget.reserve(41) }
    try budget.reserve(40)
    budget.release(100)
    #expect(budget.peakByteCount == 100)
  }
}
