import Synchronization

/// Asks a running query or import to stop. Workers look at it once a morsel.
package final class CancellationToken: Sendable {
  private let flag = Atomic<Bool>(false)

  package init() {}

  package func cancel() { flag.store(true, ordering: .relaxed) }
  package var isCancelled: Bool { flag.load(ordering: .relaxed) }

  /// - Throws: `cancelled` once `cancel` was called.
  package func check() throws(TallyError) {
    if isCancelled { throw TallyError(.cancelled, "the query was cancelled") }
  }
}
