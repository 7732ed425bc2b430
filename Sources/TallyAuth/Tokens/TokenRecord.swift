/// What is wanted of a new token.
package struct TokenRequest: Hashable, Sendable {
  package var name: String
  package var org: OrgAccess
  package var scopes: ScopeSet
  package var user: String?
  package var isExemptFromRateLimits = false
  /// In microseconds since 1970; nil: never.
  package var expiresAt: Int64?

  package init(name: String, org: OrgAccess, scopes: ScopeSet) {
    self.name = name
    self.org = org
    self.scopes = scopes
  }
}

/// A token as it is kept: everything but its secret. Times are microseconds since 1970.
package struct TokenRecord: Hashable, Sendable {
  /// Public: in lists, logs and the secret's own text.
  package var id: String
  package var name: String
  package var org: OrgAccess
  package var scopes: ScopeSet
  package var user: String?
  package var isExemptFromRateLimits: Bool
  package var createdAt: Int64
  package var expiresAt: Int64?
  package var rotatedAt: Int64?
  package var revokedAt: Int64?
  var hash: SecretHash
  /// The secret before the last rotation, and until when it still works.
  var previousHash: SecretHash
  package var previousValidUntil: Int64?

  init(_ request: TokenRequest, id: String, hash: SecretHash, at now: Int64) {
    self.id = id
    name = request.name
    org = request.org
    scopes = request.scopes
    user = request.user
    isExemptFromRateLimits = request.isExemptFromRateLimits
    createdAt = now
    expiresAt = request.expiresAt
    self.hash = hash
    previousHash = .none
  }

  /// How a token stands.
  package enum Status: String, Sendable {
    case active, expired, revoked
  }

  package func status(at now: Int64) -> Status {
    if revokedAt != nil { return .revoked }
    if let expiresAt, expiresAt <= now { return .expired }
    return .active
  }

  /// Until when a secret of this hash works (`.some(nil)`: for ever); nil if it does not.
  /// Compares with both secrets in any case.
  func validity(of candidate: SecretHash, at now: Int64) -> Int64?? {
    let isCurrent = candidate == hash
    let isPrevious = candidate == previousHash
    guard status(at: now) == .active else { return nil }
    if isCurrent { return .some(expiresAt) }
    guard isPrevious, let end = previousValidUntil, now < end else { return nil }
    return .some(min(end, expiresAt ?? .max))
  }
}
