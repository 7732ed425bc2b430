import Synchronization

/// Which calls on which kinds of paths occurred, and which of them have been made to fail.
///
/// Shared by the file systems of a loop that fails the first call, then the second and so on: in
/// the end everything that occurs without failures must have failed at least once.
package final class FaultCoverage: Sendable {
  /// A call and a path whose numbers are `#`, such as `fdatasync wal/#.wal`.
  package struct Site: Hashable, Sendable, CustomStringConvertible {
    package var call: String
    package var pathKind: String
    package var description: String { "\(call) \(pathKind)" }

    init(call: String, path: String) {
      self.call = call
      pathKind = FaultCoverage.kind(of: path)
    }
  }

  private struct State {
    var occurred: [Site: Int] = [:]
    var failed: [Site: Int] = [:]
    var callCount = 0
    var firstCalls: [Site: Int] = [:]
    var lastCalls: [Site: Int] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  func note(_ call: String, _ path: String, isFailing: Bool) {
    let site = Site(call: call, path: path)
    state.withLock { state in
      state.callCount += 1
      state.occurred[site, default: 0] += 1
      if state.firstCalls[site] == nil { state.firstCalls[site] = state.callCount }
      state.lastCalls[site] = state.callCount
      if isFailing { state.failed[site, default: 0] += 1 }
    }
  }

  /// Paths without their numbers, and without the directory that is called `store`.
  private static func kind(of path: String) -> String {
    var kind = ""
    var parts = path.split(separator: "/")
    if parts.first == "store" { parts.removeFirst() }
    // The rest of such a name is random.
    if parts.count > 1, parts[parts.count - 2] == "leases" { parts[parts.count - 1] = "#" }
    for character in parts.joined(separator: "/") {
      if character.isNumber {
        if kind.last != "#" { kind.append("#") }
      } else {
        kind.append(character)
      }
    }
    return kind.isEmpty ? "." : kind
  }

  /// Sites that occurred.
  package var sites: Set<Site> { state.withLock { Set($0.occurred.keys) } }

  /// Sites that were made to fail.
  package var failedSites: Set<Site> { state.withLock { Set($0.failed.keys) } }

  /// How many sites occurred.
  package var siteCount: Int { state.withLock { $0.occurred.count } }

  /// Numbers of the first call noted at each site, then of the last, sorted each.
  package var edgeCalls: [Int] {
    state.withLock { $0.firstCalls.values.sorted() + $0.lastCalls.values.sorted() }
  }

  /// Sites that occurred in `other` and never failed in this one, with the number of the first
  /// call there, in that order.
  package func missing(of other: FaultCoverage) -> [(site: Site, firstCall: Int)] {
    let first = other.state.withLock { $0.firstCalls }
    return state.withLock { state in
      first.filter { state.failed[$0.key] == nil }.sorted { $0.value < $1.value }
        .map { ($0.key, $0.value) }
    }
  }

  /// Every site with how often it occurred and failed, sorted, one a line.
  package var report: String {
    state.withLock { state in
      state.occurred.sorted { $0.key.description < $1.key.description }
        .map { "\($0.key): \($0.value) calls, \(state.failed[$0.key] ?? 0) failed" }
        .joined(separator: "\n")
    }
  }
}
