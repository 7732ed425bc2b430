import Synchronization
package import TallyBase

/// Tells who shows a secret. Looking up takes the same steps however many tokens there are, and
/// for wrong secrets the same as for right ones.
package final class TokenAuthenticator: Sendable {
  private struct State {
    var tokens: [String: TokenRecord] = [:]
    var stamp: UInt64?
  }

  private let store: TokenStore
  private let clock: AccessClock
  private let state = Mutex(State())
  /// Grows whenever the tokens change, so that an unchanged principal costs one load.
  private let generation = Atomic<UInt64>(1)

  /// Reads the tokens of `store`.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  package init(_ store: TokenStore, clock: AccessClock = .system) throws(TallyError) {
    self.store = store
    self.clock = clock
    _ = try reload()
  }

  /// Whether there is any token that works.
  package var hasTokens: Bool {
    let now = clock.microseconds()
    return state.withLock { $0.tokens.values.contains { $0.status(at: now) == .active } }
  }

  /// Who shows `secret`.
  ///
  /// - Throws: `unauthenticated`, whatever the reason.
  package func authenticate(_ secret: String) throws(AccessRefusal) -> Principal {
    guard let secret = TokenSecret(secret) else { throw .unauthenticated }
    let candidate = secret.hash
    let now = clock.microseconds()
    let (token, generation) = state.withLock { state in
      (state.tokens[secret.tokenID], self.generation.load(ordering: .relaxed))
    }
    guard let token else {
      // The id is no secret; that nothing has it costs as much as that something has.
      _ = candidate == .none
      _ = candidate == .none
      throw .unauthenticated
    }
    guard let validUntil = token.validity(of: candidate, at: now) else { throw .unauthenticated }
    return TokenAuthenticator.principal(
      token, candidate, validUntil: validUntil, generation: generation)
  }

  /// The principal as of now: for connections that stay, before each request.
  ///
  /// - Returns: nil if the token was revoked, has expired, or was rotated and the time for the old
  ///   secret is over.
  /// - Complexity: one atomic load while no token changes.
  package func refresh(_ principal: Principal) -> Principal? {
    if principal.tokenID.isEmpty { return principal }
    let now = clock.microseconds()
    if let end = principal.validUntil, end <= now { return nil }
    if principal.generation == generation.load(ordering: .acquiring) { return principal }
    let (token, generation) = state.withLock { state in
      (state.tokens[principal.tokenID], self.generation.load(ordering: .relaxed))
    }
    guard let token,
      let validUntil = token.validity(of: principal.secretHash, at: now)
    else { return nil }
    return TokenAuthenticator.principal(
      token, principal.secretHash, validUntil: validUntil, generation: generation)
  }

  private static func principal(
    _ token: TokenRecord, _ hash: SecretHash, validUntil: Int64?, generation: UInt64
  ) -> Principal {
    var principal = Principal(
      tokenID: token.id, name: token.name, org: token.org, scopes: token.scopes, user: token.user)
    principal.isExemptFromRateLimits = token.isExemptFromRateLimits
    principal.validUntil = validUntil
    principal.secretHash = hash
    principal.generation = generation
    return principal
  }

  // MARK: Following changes

  /// Reads the tokens again if they were changed since. A missing file is no tokens at all.
  ///
  /// - Returns: what changed; nothing on the first reading.
  /// - Throws: `io`, `corruption`, `version`; the tokens known before then stay in force.
  /// - Complexity: reads 32 bytes while nothing changed.
  package func reload() throws(TallyError) -> [TokenChange] {
    let stamp = try store.stamp()
    let known = state.withLock { $0.stamp }
    if let known, known == stamp { return [] }
    let list = try store.load()
    return state.withLock { state in
      let old = state.tokens
      let isFirst = state.stamp == nil
      state.tokens = Dictionary(
        list.tokens.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
      state.stamp = list.stamp
      generation.add(1, ordering: .releasing)
      return isFirst ? [] : TokenChange.changes(from: old, to: state.tokens)
    }
  }
}
