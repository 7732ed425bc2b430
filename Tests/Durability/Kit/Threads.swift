import Foundation
import Synchronization

/// Threads that run to their end.
package enum Threads {
  /// Runs `body` on `count` threads and waits for all.
  ///
  /// - Throws: the first error of any.
  package static func run(count: Int, _ body: @escaping @Sendable () throws -> Void) throws {
    let failure = Mutex<(any Error)?>(nil)
    let isDone = DispatchSemaphore(value: 0)
    for _ in 0..<max(1, count) {
      let thread = Thread {
        do {
          try body()
        } catch {
          failure.withLock { $0 = $0 ?? error }
        }
        isDone.signal()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    for _ in 0..<max(1, count) { isDone.wait() }
    if let failure = failure.withLock({ $0 }) { throw failure }
  }
}
