/// Why somebody is not let in, or may not. The server writes it as `E_AUTH`, `E_FORBIDDEN` or
/// `E_RATE`; it never says more than this, so that guessing teaches nothing.
package enum AccessRefusal: Error, Hashable, Sendable {
  /// No token, or one that is unknown, malformed, expired or revoked: which, is not told.
  case unauthenticated
  /// Too many failures from this address: nothing is checked before the time is over.
  case backOff(milliseconds: Int64)
  /// The token may not do this.
  case forbidden(need: Scope)
  /// The token is of another org than the one named.
  case otherOrg(String)
  /// Too many requests.
  case rateLimited(RateScope, milliseconds: Int64)

  /// The code of the line protocol.
  package var code: String {
    switch self {
    case .unauthenticated, .backOff: "E_AUTH"
    case .forbidden, .otherOrg: "E_FORBIDDEN"
    case .rateLimited: "E_RATE"
    }
  }

  /// `need=` of `E_FORBIDDEN`, if a scope is missing.
  package var need: String? {
    if case .forbidden(let scope) = self { return scope.name }
    return nil
  }

  /// `after_ms=`, for those who may try again.
  package var retryAfterMilliseconds: Int64? {
    switch self {
    case .backOff(let milliseconds), .rateLimited(_, let milliseconds): milliseconds
    default: nil
    }
  }

  /// What was found, then what was expected.
  package var message: String {
    switch self {
    case .unauthenticated: "the token is unknown, expired or revoked"
    case .backOff: "too many failures from this address"
    case .forbidden(let scope): "the token lacks the scope \(scope.name)"
    case .otherOrg(let name): "org '\(name)' is not this token's"
    case .rateLimited(let scope, _): "too many requests of this \(scope.rawValue)"
    }
  }
}

/// Which of the limits was reached: `scope=` of `E_RATE`.
package enum RateScope: String, Hashable, Sendable {
  case user, org
}
