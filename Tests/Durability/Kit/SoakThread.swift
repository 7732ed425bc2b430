import Foundation
import Synchronization
import TallyTestSupport

/// Does one thing over and over, at a pace, until it is told to stop or fails.
final class SoakThread: Sendable {
  private struct State {
    var count = 0
    var isStopping = false
    var failure: String?
  }

  private let state = Mutex(State())
  private let isDone = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - intervalSeconds: from the start of one turn to that of the next; a late turn is made up.
  ///   - turn: returns what it adds to `count`.
  init(intervalSeconds: Double, turn: @escaping @Sendable (inout SplitMix64) throws -> Int) {
    let thread = Thread { [self] in
      let pace = DispatchSemaphore(value: 0)
      var random = SplitMix64(seed: 1)
      var next = DispatchTime.now()
      do {
        while !state.withLock({ $0.isStopping }) {
          let added = try turn(&random)
          state.withLock { $0.count += added }
          next = max(next + intervalSeconds, .now() - 1)
          _ = pace.wait(timeout: next)
        }
      } catch {
        state.withLock { $0.failure = "\(error)" }
      }
      isDone.signal()
    }
    thread.start()
  }

  var count: Int { state.withLock { $0.count } }
  var failure: String? { state.withLock { $0.failure } }

  /// - Returns: why it failed, if it did.
  func stop() -> String? {
    state.withLock { $0.isStopping = true }
    isDone.wait()
    return failure
  }
}
