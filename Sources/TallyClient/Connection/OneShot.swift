internal import Synchronization

/// A value that one task waits for and somebody else sets, once.
final class OneShot<Value: Sendable>: Sendable {
  typealias Outcome = Result<Value, TallyClientError>

  private enum State {
    case empty
    case waiting(CheckedContinuation<Outcome, Never>)
    case set(Outcome)
  }

  private let state = Mutex(State.empty)

  /// Sets it; false if it was set before.
  @discardableResult
  func set(_ outcome: Outcome) -> Bool {
    let (isFirst, waiter) = state.withLock {
      state -> (Bool, CheckedContinuation<Outcome, Never>?) in
      switch state {
      case .set: return (false, nil)
      case .empty:
        state = .set(outcome)
        return (true, nil)
      case .waiting(let continuation):
        state = .set(outcome)
        return (true, continuation)
      }
    }
    waiter?.resume(returning: outcome)
    return isFirst
  }

  /// Waits for it. At most one task may wait. If the task is cancelled it is set to that.
  func get() async throws(TallyClientError) -> Value {
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
        let known = state.withLock { state -> Outcome? in
          if case .set(let outcome) = state { return outcome }
          state = .waiting(continuation)
          return nil
        }
        if let known { continuation.resume(returning: known) }
      }
    } onCancel: {
      set(.failure(.cancelledTask))
    }
    return try outcome.get()
  }
}
