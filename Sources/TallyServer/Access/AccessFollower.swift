internal import Synchronization
package import TallyAuth
package import TallyBase

/// The access gate of a store that may get its first token while it is served: until then nobody
/// is asked for one, from then on everybody is.
///
/// Tokens that cannot be enforced, because the audit log cannot be opened, let nobody in.
package final class AccessFollower: Authenticator {
  private struct State {
    var gate: AccessGate?
    var isRequired = false
  }

  private let state: Mutex<State>
  private let hasTokens: @Sendable () throws(TallyError) -> Bool
  private let open: @Sendable () throws(TallyError) -> AccessGate?
  private let report: @Sendable (TallyError) -> Void

  /// - Parameters:
  ///   - hasTokens: whether the store has a token that works.
  ///   - open: opens the gate; nil if there is no token.
  ///   - report: told when either fails later on.
  /// - Throws: what `open` does.
  package init(
    hasTokens: @escaping @Sendable () throws(TallyError) -> Bool,
    open: @escaping @Sendable () throws(TallyError) -> AccessGate?,
    report: @escaping @Sendable (TallyError) -> Void
  ) throws(TallyError) {
    self.hasTokens = hasTokens
    self.open = open
    self.report = report
    let gate = try open()
    state = Mutex(State(gate: gate, isRequired: gate != nil))
  }

  private var gate: AccessGate? { state.withLock { $0.gate } }

  package var isRequired: Bool { state.withLock { $0.isRequired } }

  package func authenticate(_ token: String) throws(AccessRefusal) -> Principal {
    try authenticate(token, from: nil)
  }

  package func authenticate(
    _ token: String, from address: AccessGate.Address?
  ) throws(AccessRefusal) -> Principal {
    guard let gate else { throw .unauthenticated }
    return try gate.authenticate(token, from: address)
  }

  package func attemptsLeft(from address: AccessGate.Address) -> Int {
    gate?.attemptsLeft(from: address) ?? .max
  }

  package func refresh(_ principal: Principal) -> Principal? { gate?.refresh(principal) }

  package func admit(
    _ principal: Principal
  ) throws(AccessRefusal) -> RateLimiter.Allowance? {
    try gate?.admit(principal)
  }

  package var auditFailure: TallyError? { gate?.auditFailure }

  package func record(_ record: AuditRecord) throws(TallyError) { try gate?.record(record) }

  package func note(_ record: AuditRecord) throws(TallyError) { try gate?.note(record) }

  package func follow() {
    if let gate { return gate.follow() }
    do throws(TallyError) {
      if !isRequired {
        guard try hasTokens() else { return }
      }
    } catch {
      return report(error)
    }
    do throws(TallyError) {
      let gate = try open()
      state.withLock { $0 = State(gate: gate, isRequired: true) }
    } catch {
      state.withLock { $0.isRequired = true }
      report(error)
    }
  }

  /// Ends the audit log, if there is one.
  package func close() throws(TallyError) { try gate?.close() }
}
