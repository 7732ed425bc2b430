package import Dispatch

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
}
