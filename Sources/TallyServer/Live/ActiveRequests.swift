internal import Synchronization

/// How many statements and batches are in flight, by org: nobody is told of another's.
package final class ActiveRequests: Sendable {
  private struct State {
    var count = 0
    var countByOrg: [String: Int] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  /// - Parameter org: whose they are; nil: of all orgs together.
  package func count(of org: String?) -> Int {
    state.withLock { state in org.map { state.countByOrg[$0] ?? 0 } ?? state.count }
  }

  /// One more; ``end(_:)`` follows.
  package func begin(_ org: String?) {
    state.withLock { state in
      state.count += 1
      if let org { state.countByOrg[org, default: 0] += 1 }
    }
  }

  package func end(_ org: String?) {
    state.withLock { state in
      state.count -= 1
      guard let org, let count = state.countByOrg[org] else { return }
      state.countByOrg[org] = count > 1 ? count - 1 : nil
    }
  }
}
