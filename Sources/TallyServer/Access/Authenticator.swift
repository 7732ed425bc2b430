package import TallyAuth
package import TallyBase

/// Tells who a token belongs to, and what they may do now, and writes down what they did. Called on
/// event loops: only ``follow()`` and ``record(_:)`` may wait.
package protocol Authenticator: Sendable {
  /// Whether anybody needs a token now. Once somebody does, everybody does from then on.
  var isRequired: Bool { get }
  /// - Throws: `unauthenticated`, whatever the reason.
  func authenticate(_ token: String) throws(AccessRefusal) -> Principal
  /// The same, counting failures by where they come from.
  ///
  /// - Throws: `backOff` too, while the address must wait.
  func authenticate(
    _ token: String, from address: AccessGate.Address?
  ) throws(AccessRefusal) -> Principal
  /// How many more tokens from `address` may be wrong until it must wait.
  func attemptsLeft(from address: AccessGate.Address) -> Int
  /// The principal as of now; nil if its token no longer holds.
  func refresh(_ principal: Principal) -> Principal?
  /// Counts a question.
  ///
  /// - Returns: what is left; nil for who is not counted.
  /// - Throws: `rateLimited`.
  @discardableResult
  func admit(_ principal: Principal) throws(AccessRefusal) -> RateLimiter.Allowance?
  /// Looks for changes. Called once a second, on a thread that may wait.
  func follow()
  /// Why nothing can be written down any more; nil: it can.
  var auditFailure: TallyError? { get }
  /// Writes down what was done. May wait for the disk.
  func record(_ record: AuditRecord) throws(TallyError)
  /// The same without waiting.
  func note(_ record: AuditRecord) throws(TallyError)
}

extension Authenticator {
  package var isRequired: Bool { true }
  package func authenticate(
    _ token: String, from address: AccessGate.Address?
  ) throws(AccessRefusal) -> Principal {
    try authenticate(token)
  }
  package func attemptsLeft(from address: AccessGate.Address) -> Int { .max }
  package var auditFailure: TallyError? { nil }
  package func record(_ record: AuditRecord) throws(TallyError) {}
  package func note(_ record: AuditRecord) throws(TallyError) {}
}

extension AccessGate: Authenticator {}
