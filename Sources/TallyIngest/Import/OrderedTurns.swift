package import TallyBase

/// Lets parallel tasks hand in their results in order: turn 0 first, then 1, and so on.
///
/// Tasks must start in the order of their turns (as `WorkerPool.run` does), or they wait for one
/// that never comes.
package final class OrderedTurns: Sendable {
  private struct State: Sendable {
    var due = 0
    var failure: TallyError?
  }

  private let state = Monitor(State())

  package init() {}

  /// Waits for the turn and runs `body`. Once a turn has failed, every later one throws its error
  /// without running.
  package func perform(
    turn: Int, _ body: () throws(TallyError) -> Void
  ) throws(TallyError) {
    let failure = state.wait { (state: inout State) -> TallyError?? in
      if let failure = state.failure { return .some(failure) }
      return state.due == turn ? .some(nil) : nil
    }
    if let failure { throw failure }
    do throws(TallyError) {
      try body()
    } catch {
      fail(error)
      throw error
    }
    state.update { $0.due += 1 }
  }

  /// Ends all turns that have not begun, because a task failed before its turn.
  package func fail(_ error: TallyError) {
    state.update { if $0.failure == nil { $0.failure = error } }
  }
}
