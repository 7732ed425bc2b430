package import Dispatch
internal import Synchronization

/// Waits for what tells its end by a callback.
package enum Shutdown {
  /// - Parameter begin: begins, and calls back on the queue it is given. That one has a thread of
  ///   its own, so that the callback comes even if every shared one waits here.
  package static func wait(
    for begin: (DispatchQueue, @escaping @Sendable ((any Error)?) -> Void) -> Void
  ) {
    let semaphore = DispatchSemaphore(value: 0)
    begin(DispatchQueue(label: "tally.shutdown")) { _ in semaphore.signal() }
    semaphore.wait()
  }

  /// Waits for the end of something asynchronous. Not to be called where tasks run.
  ///
  /// - Returns: why it failed; nil: it did not.
  package static func outcome(
    of body: @escaping @Sendable () async throws -> Void
  ) -> (any Error)? {
    let failure = Mutex<(any Error)?>(nil)
    let semaphore = DispatchSemaphore(value: 0)
    Task {
      do { try await body() } catch { failure.withLock { $0 = error } }
      semaphore.signal()
    }
    semaphore.wait()
    return failure.withLock { $0 }
  }

  /// Runs something that waits on a thread of its own.
  package static func aside(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "tally.aside").async {
        body()
        continuation.resume()
      }
    }
  }
}
