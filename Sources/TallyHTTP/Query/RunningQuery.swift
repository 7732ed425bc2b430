internal import Synchronization
internal import TallyBase
internal import TallyWire

/// A query between its request and the end of its response, for whoever may stop it. What it waits
/// for is left behind as soon as it is stopped; what runs goes on unseen until it notices.
final class RunningQuery: Sendable {
  private struct State {
    var failure: WireError?
    var onStop: (@Sendable (WireError) -> Void)?
  }

  let id: String
  /// Stops what runs.
  let cancellation = CancellationToken()
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  init(id: String) { self.id = id }

  /// Why it was stopped; nil: it was not.
  var failure: WireError? { state.withLock { $0.failure } }

  /// - Throws: why it was stopped.
  func check() throws(WireError) {
    if let failure { throw failure }
  }

  /// Stops it, once.
  func stop(_ code: WireCode, _ message: String) {
    let elapsed = start.duration(to: .now).components
    let milliseconds = elapsed.seconds &* 1_000 &+ elapsed.attoseconds / 1_000_000_000_000_000
    stop(WireError(code, message, fields: [WireField("ms", "\(milliseconds)")]))
  }

  func stop(_ error: WireError) {
    cancellation.cancel()
    let onStop = state.withLock { state in
      guard state.failure == nil else { return nil as (@Sendable (WireError) -> Void)? }
      state.failure = error
      return state.onStop
    }
    onStop?(error)
  }

  /// Waits for what `begin` starts, which calls back once.
  ///
  /// - Throws: the error that it called back with, or why the query was stopped meanwhile.
  func wait<Success: Sendable>(
    for begin: (@escaping @Sendable (Result<Success, WireError>) -> Void) -> Void
  ) async throws(WireError) -> Success {
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<Success, WireError>, Never>) in
      let answer = FirstAnswer(continuation)
      let failure = state.withLock { state in
        state.onStop = { answer.resume(.failure($0)) }
        return state.failure
      }
      if let failure { return answer.resume(.failure(failure)) }
      begin { answer.resume($0) }
    }
    state.withLock { $0.onStop = nil }
    return try result.get()
  }
}

/// Takes the first of several answers.
private final class FirstAnswer<Success: Sendable>: Sendable {
  typealias Answer = Result<Success, WireError>
  private let continuation: Mutex<CheckedContinuation<Answer, Never>?>

  init(_ continuation: CheckedContinuation<Answer, Never>) {
    self.continuation = Mutex(continuation)
  }

  func resume(_ answer: Answer) {
    let waiting = continuation.withLock { continuation in
      defer { continuation = nil }
      return continuation
    }
    waiting?.resume(returning: answer)
  }
}
