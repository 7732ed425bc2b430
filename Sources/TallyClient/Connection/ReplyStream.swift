internal import Synchronization
internal import TallyWire

/// The replies to one request as they come, for one task that reads them.
///
/// Holds a little more than `byteCountMax` of rows: beyond that the connection is not read.
final class ReplyStream: ReplySink {
  /// Bytes of rows that may wait for whoever reads them.
  private static let byteCountMax = 1 << 20

  fileprivate struct State {
    var replies: [Reply] = []
    /// Index in `replies` of the next one.
    var position = 0
    var byteCount = 0
    var isPausing = false
    var hasEnded = false
    var failure: TallyClientError?
    var waiter: OneShot<Reply>?
    /// Called at the end, once nobody wants the replies any more.
    var abandoned: (@Sendable () -> Void)?
    /// Whether one stream holds many results: none of them ends it.
    let isEndless: Bool
  }

  private let state: Mutex<State>
  /// Asks the connection to be read again.
  private let resume: @Sendable () -> Void

  init(isEndless: Bool = false, resume: @escaping @Sendable () -> Void) {
    state = Mutex(State(isEndless: isEndless))
    self.resume = resume
  }

  func take(_ reply: Reply) -> Bool {
    typealias Outcome = (waiter: OneShot<Reply>?, abandoned: (@Sendable () -> Void)?, hasRoom: Bool)
    let outcome = state.withLock { state -> Outcome in
      if state.ends(with: reply) { state.hasEnded = true }
      if let abandoned = state.abandoned { return (nil, state.hasEnded ? abandoned : nil, true) }
      if let waiter = state.waiter {
        state.waiter = nil
        if waiter.set(.success(reply)) { return (nil, nil, true) }
      }
      state.replies.append(reply)
      if case .rows(let bytes) = reply.kind { state.byteCount += bytes.count }
      state.isPausing = state.byteCount > ReplyStream.byteCountMax
      return (nil, nil, !state.isPausing)
    }
    outcome.abandoned?()
    return outcome.hasRoom
  }

  func fail(_ error: TallyClientError) {
    let abandoned = state.withLock { state -> (@Sendable () -> Void)? in
      state.hasEnded = true
      state.failure = error
      state.waiter?.set(.failure(error))
      state.waiter = nil
      return state.abandoned
    }
    abandoned?()
  }

  /// Whether nothing more will come from the server.
  var hasEnded: Bool { state.withLock { $0.hasEnded } }

  /// The next reply; one task at a time may wait.
  func next() async throws(TallyClientError) -> Reply {
    if Task.isCancelled { throw .cancelledTask }
    let waiter = OneShot<Reply>()
    let mustResume = state.withLock { state -> Bool in
      if state.position < state.replies.count {
        waiter.set(.success(state.takeFirst()))
        let isDrained = state.isPausing && state.byteCount < ReplyStream.byteCountMax / 2
        if isDrained { state.isPausing = false }
        return isDrained
      }
      if let failure = state.failure {
        waiter.set(.failure(failure))
      } else {
        state.waiter = waiter
      }
      return false
    }
    if mustResume { resume() }
    return try await waiter.get()
  }

  /// Drops what comes from now on; `completion` is called once the last of it is there.
  func abandon(_ completion: @escaping @Sendable () -> Void) {
    let hasEnded = state.withLock { state -> Bool in
      state.replies = []
      state.position = 0
      state.byteCount = 0
      state.waiter = nil
      if !state.hasEnded { state.abandoned = completion }
      return state.hasEnded
    }
    resume()
    if hasEnded { completion() }
  }
}

extension ReplyStream.State {
  /// A failure always ends a stream; one without end has an answer first and then results.
  fileprivate func ends(with reply: Reply) -> Bool {
    if case .failure = reply.kind { return true }
    return reply.isLast && !isEndless
  }

  fileprivate mutating func takeFirst() -> Reply {
    let reply = replies[position]
    position += 1
    if case .rows(let bytes) = reply.kind { byteCount -= bytes.count }
    if position == replies.count {
      replies.removeAll(keepingCapacity: true)
      position = 0
    }
    return reply
  }
}
