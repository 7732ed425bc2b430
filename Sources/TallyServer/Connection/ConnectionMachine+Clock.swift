internal import TallyBase
internal import TallyWire

extension ConnectionMachine {
  /// When ``tick(at:)`` is to be called; nil: there is nothing to wait for.
  package var nextDeadline: UInt64? {
    var earliest = turns.lazy.filter { !$0.isDone }.compactMap(\.deadline).min()
    for deadline in [
      handshakeDeadline, stallDeadline, slowDeadline, graceDeadline, subscriptionDeadline,
    ] {
      guard let deadline else { continue }
      earliest = min(earliest ?? deadline, deadline)
    }
    return earliest
  }

  /// Time has passed.
  package mutating func tick(at now: UInt64) {
    for index in turns.indices {
      guard let deadline = turns[index].deadline, deadline <= now else { continue }
      stop(index, .timeout, "the query's time was up", at: now)
    }
    endLatePushes(at: now)
    if let deadline = slowDeadline, deadline <= now {
      return close(
        with: WireError(
          .slowReader,
          "replies were not read for \(limits.slowReaderMilliseconds / 1_000) seconds"))
    }
    if let deadline = stallDeadline, deadline <= now {
      let seconds = limits.stallMilliseconds / 1_000
      return close(
        with: WireError(
          .timeout, "a request stopped half way for \(seconds) seconds",
          fields: [WireField("ms", "\(limits.stallMilliseconds)")]))
    }
    if let deadline = handshakeDeadline, deadline <= now {
      let seconds = limits.handshakeMilliseconds / 1_000
      return close(
        with: WireError(.auth, "no token was accepted within \(seconds) seconds"))
    }
    if let deadline = graceDeadline, deadline <= now { return close(with: nil) }
    advance(at: now)
  }

  /// Stops queries.
  ///
  /// - Parameter tag: nil: all of them.
  /// - Returns: how many were stopped.
  package mutating func cancel(tag: String?, at now: UInt64) -> Int {
    var count = 0
    for index in turns.indices where turns[index].isStoppable {
      guard tag == nil || turns[index].tag == tag else { continue }
      stop(index, .cancelled, "cancelled by the client", at: now)
      count += 1
    }
    return count
  }

  /// Answers a query with an error. What runs of it goes on unseen until it notices.
  private mutating func stop(_ index: Int, _ code: WireCode, _ message: String, at now: UInt64) {
    guard turns[index].isStoppable else { return }
    if case .running(_, let token) = turns[index].phase { token.cancel() }
    let milliseconds = (now - min(now, turns[index].start)) / 1_000_000
    let error = WireError(code, message, fields: [WireField("ms", "\(milliseconds)")])
    Reply(tag: turns[index].tag, .failure(error)).encode(into: &turns[index].output)
    turns[index].phase = .done
  }
}
