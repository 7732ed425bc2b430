internal import Synchronization
internal import TallyWire

/// Takes the replies to one request. Called on the connection's event loop.
protocol ReplySink: AnyObject, Sendable {
  /// Returns whether there is room for more; if not, the connection is not read until it is
  /// resumed.
  func take(_ reply: Reply) -> Bool
  /// No more replies will come.
  func fail(_ error: TallyClientError)
}

/// The answer to a request that is not a result: its notices and its last line.
struct Answer: Sendable {
  var notices: [Reply] = []
  var last: Reply
}

/// Waits for a single answer.
final class AnswerSink: ReplySink {
  let answer = OneShot<Answer>()
  private let notices = Mutex<[Reply]>([])

  func take(_ reply: Reply) -> Bool {
    guard reply.isLast else {
      notices.withLock { $0.append(reply) }
      return true
    }
    let notices = notices.withLock { $0 }
    if case .failure(let error) = reply.kind {
      var failure = TallyClientError(error)
      failure.rejects = notices.compactMap { TallyClientError.Reject($0) }
      answer.set(.failure(failure))
    } else {
      answer.set(.success(Answer(notices: notices, last: reply)))
    }
    return true
  }

  func fail(_ error: TallyClientError) { answer.set(.failure(error)) }
}
