import Synchronization

/// Which calls on which kinds of paths occurred, and which of them have been made to fail.
///
/// Shared by the file systems of a loop that fails the first call, then the second and so on: in
/// the end everything that occurred must have failed at least once.
package final class FaultCoverage: Sendable {
  /// A call and a path whose numbers are `#`, such as `fdatasync wal/#.wal`.
  package struct Site: Hashable, Sendable, CustomStringConvertible {
    package var call: String
    package var pathKind: String
    package var description: String { "\(call) \(pathKind)" }
  }

  private struct State {
    var occurred: [Site: Int] = [:]
    var failed: [Site: Int] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  func note(_ call: String, _ path: String, isFailing: Bool) {
    let site = Site(call: call, pathKind: FaultCoverage.kind(of: path))
    state.withLock { state in
      state.occurred[site, default: 0] += 1
      if isFailing { state.failed[site, default: 0] += 1 }
    }
  }

  /// Paths below the store's root directory, without their numbers.
  private static func kind(of path: String) -> String {
    var kind = ""
    for character in path.split(separator: "/").dropFirst().joined(separator: "/") {
      if character.isNumber {
        if kind.last != "#" { kind.append("#") }
      } else {
        kind.append(character)
      }
    }
    return kind.isEmpty ? "." : kind
  }

  /// Sites that never failed, sorted.
  package var missing: [Site] {
    state.withLock { state in
      state.occurred.keys.filter { state.failed[$0] == nil }
        .sorted { $0.description < $1.description }
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
