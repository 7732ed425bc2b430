/// Whose data a token reaches.
package enum OrgAccess: Hashable, Sendable {
  case all
  case one(String)

  /// `*` or the name, as `+AUTH org=` has it.
  package var text: String {
    switch self {
    case .all: "*"
    case .one(let name): name
    }
  }

  /// Narrowed to `name` (`*`: not narrowed), as `USE org=` and `X-Tally-Org` ask for.
  ///
  /// - Throws: `otherOrg` if a token of one org asks for anything else.
  package func narrowed(to name: String) throws(AccessRefusal) -> OrgAccess {
    switch self {
    case .all: return name == "*" ? .all : .one(name)
    case .one(let own):
      guard own == name else { throw .otherOrg(name) }
      return self
    }
  }
}

/// Who asks: what is known of the bearer of a token once the token was checked. Holds no secret.
package struct Principal: Hashable, Sendable {
  /// The public id of the token; empty where no token is needed.
  package var tokenID: String
  /// What the token is called.
  package var name: String
  /// The user the token stands for, if it names one.
  package var user: String?
  package var org: OrgAccess
  package var scopes: ScopeSet
  /// Monitoring and administrators are not counted.
  package var isExemptFromRateLimits: Bool
  /// When the secret that was shown stops working, in microseconds since 1970; nil: never.
  package var validUntil: Int64?
  /// The state of the tokens that this was read from; see `TokenAuthenticator.refresh`.
  var generation: UInt64
  /// Of the secret that was shown: a rotation ends the old one's connections too.
  var secretHash: SecretHash

  package init(
    tokenID: String, name: String, org: OrgAccess, scopes: ScopeSet, user: String? = nil
  ) {
    self.tokenID = tokenID
    self.name = name
    self.org = org
    self.scopes = scopes
    self.user = user
    isExemptFromRateLimits = false
    validUntil = nil
    generation = 0
    secretHash = .none
  }

  /// Who asks where no tokens are needed: everything is allowed, of every org.
  package static let anonymous: Principal = {
    var principal = Principal(tokenID: "", name: "anonymous", org: .all, scopes: .all)
    principal.isExemptFromRateLimits = true
    return principal
  }()

  /// Who is counted and named: the user, or else the token.
  package var userOrToken: String { user ?? name }

  /// - Throws: `forbidden`, which names the scope.
  package func require(_ scope: Scope) throws(AccessRefusal) {
    guard scopes.allows(scope) else { throw .forbidden(need: scope) }
  }

  /// - Throws: `forbidden`, which names the scope.
  package func require(_ requirement: Requirement) throws(AccessRefusal) {
    if case .scope(let scope) = requirement { try require(scope) }
  }
}
