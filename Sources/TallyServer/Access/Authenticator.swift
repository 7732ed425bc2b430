/// What a token allows.
package enum AccessScope: String, Hashable, Sendable, CaseIterable {
  case read = "org:analytics:read"
  case write = "org:analytics:write"
  case admin = "org:analytics:admin"
  case audit = "org:audit:read"
  case system = "system:admin"
}

/// Who a connection acts for.
package struct Principal: Hashable, Sendable {
  package var user: String
  /// Whose rows there are for it; nil: everybody's.
  package var org: String?
  package var scopes: Set<AccessScope>

  package init(user: String, org: String?, scopes: Set<AccessScope>) {
    self.user = user
    self.org = org
    self.scopes = scopes
  }

  /// Who connects where no tokens are asked for.
  package static let localAdmin = Principal(
    user: "local", org: nil, scopes: Set(AccessScope.allCases))
}

/// Tells who a token belongs to.
package protocol Authenticator: Sendable {
  /// Nil: the token is unknown, expired or revoked. Called on event loops: it must not wait.
  func principal(token: String) -> Principal?
}
