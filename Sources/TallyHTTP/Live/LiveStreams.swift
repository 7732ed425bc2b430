internal import Synchronization
internal import TallyWire

/// The streams of server-sent events that are open, by who opened them.
final class LiveStreams: Sendable {
  private struct State {
    var streams: [ObjectIdentifier: RunningQuery] = [:]
    var countByUser: [String: Int] = [:]
  }

  private let state = Mutex(State())

  var count: Int { state.withLock { $0.streams.count } }

  /// False if the user has as many as are allowed.
  func insert(_ stream: RunningQuery, user: String, countMax: Int) -> Bool {
    state.withLock { state in
      guard state.countByUser[user, default: 0] < countMax else { return false }
      state.countByUser[user, default: 0] += 1
      state.streams[ObjectIdentifier(stream)] = stream
      return true
    }
  }

  func remove(_ stream: RunningQuery, user: String) {
    state.withLock { state in
      state.streams[ObjectIdentifier(stream)] = nil
      let count = state.countByUser[user] ?? 0
      state.countByUser[user] = count > 1 ? count - 1 : nil
    }
  }

  func stopAll(_ error: WireError) {
    for stream in state.withLock({ Array($0.streams.values) }) { stream.stop(error) }
  }
}
