import Synchronization

/// Which committed states of a store this process still looks at, and the lease that tells other
/// processes so.
final class SnapshotRegistry: Sendable {
  private let state = Mutex(State())

  private struct State {
    /// Pins by generation.
    var counts: [UInt64: Int] = [:]
    var lease: Lease?
    var isClosed = false

    /// Takes the lease out once the store is closed and nobody has a snapshot.
    mutating func leaseToRelease() -> Lease? {
      guard isClosed, counts.isEmpty else { return nil }
      defer { lease = nil }
      return lease
    }
  }

  /// The oldest generation that a snapshot of this process has; nil: there is none.
  var oldestGeneration: UInt64? { state.withLock { $0.counts.keys.min() } }

  /// Keeps a generation's files for as long as the pin lives.
  func pin(_ generation: UInt64) -> SnapshotPin {
    state.withLock { $0.counts[generation, default: 0] += 1 }
    return SnapshotPin(registry: self, generation: generation)
  }

  fileprivate func release(_ generation: UInt64) {
    let lease = state.withLock { state -> Lease? in
      let count = (state.counts[generation] ?? 1) - 1
      state.counts[generation] = count > 0 ? count : nil
      return state.leaseToRelease()
    }
    // Removing its file takes a moment, which nobody else need wait for.
    _ = consume lease
  }

  // MARK: Lease

  var leasedGeneration: UInt64? { state.withLock { $0.lease?.generation } }

  func hold(_ lease: Lease) {
    let previous = state.withLock { state -> Lease? in
      defer { state.lease = lease }
      return state.lease
    }
    _ = consume previous
  }

  /// Gives the lease up when the last snapshot has gone.
  func close() {
    let lease = state.withLock { state -> Lease? in
      state.isClosed = true
      return state.leaseToRelease()
    }
    _ = consume lease
  }
}

/// Held by every snapshot of a generation: its files stay until the last pin is gone.
final class SnapshotPin: Sendable {
  private let registry: SnapshotRegistry
  private let generation: UInt64

  fileprivate init(registry: SnapshotRegistry, generation: UInt64) {
    self.registry = registry
    self.generation = generation
  }

  deinit { registry.release(generation) }
}
