package import TallyAuth

/// Tells who a token belongs to, and what they may do now. Called on event loops: none of it waits.
package protocol Authenticator: Sendable {
  /// - Throws: `unauthenticated`, whatever the reason.
  func authenticate(_ token: String) throws(AccessRefusal) -> Principal
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
}

extension AccessGate: Authenticator {}
