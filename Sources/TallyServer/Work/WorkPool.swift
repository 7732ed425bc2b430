internal import NIOPosix
internal import Synchronization

/// Threads for what must not be done on event loops, with a bounded queue.
package final class WorkPool: Sendable {
  private let threads: NIOThreadPool
  private let threadCount: Int
  private let countMax: Int
  /// What runs and what waits.
  private let count = Atomic<Int>(0)

  init(threadCount: Int, waitingCountMax: Int) {
    self.threadCount = threadCount
    countMax = threadCount + waitingCountMax
    threads = NIOThreadPool(numberOfThreads: threadCount)
    threads.start()
  }

  package var runningCount: Int { min(count.load(ordering: .relaxed), threadCount) }
  package var waitingCount: Int { max(0, count.load(ordering: .relaxed) - threadCount) }

  /// Runs `body` when a thread is free; false, and nothing is run, if too much waits already.
  package func submit(_ body: @escaping @Sendable () -> Void) -> Bool {
    guard count.add(1, ordering: .relaxed).newValue <= countMax else {
      count.subtract(1, ordering: .relaxed)
      return false
    }
    threads.submit { [self] state in
      if case .active = state { body() }
      count.subtract(1, ordering: .relaxed)
    }
    return true
  }

  /// Waits for what runs; what waits is dropped.
  func shutDown() {
    Shutdown.wait { queue, completion in
      threads.shutdownGracefully(queue: queue, completion)
    }
  }
}
