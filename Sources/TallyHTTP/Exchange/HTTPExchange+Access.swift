internal import HTTPTypes
internal import TallyAuth
internal import TallyServer
internal import TallyWire

extension HTTPExchange {
  /// Finds out who asks, and whether they may.
  ///
  /// - Throws: `E_AUTH`, `E_TLS_REQUIRED`, `E_FORBIDDEN`, `E_RATE`.
  mutating func authenticate(_ requirement: Requirement) throws(WireError) {
    guard requirement != .none else { return }
    if token != nil, context.shared.authenticator != nil, !state.isLoopback, !state.isTLS {
      throw WireError(
        .tlsRequired, "a token came over plain text, TLS was expected", hint: "rotate the token")
    }
    do throws(AccessRefusal) {
      if let authenticator = context.shared.authenticator {
        principal = try identify(authenticator)
        try principal.require(requirement)
        // Events are held back by the disk; only questions are counted.
        if requirement == .scope(.analyticsRead) { try count(authenticator) }
      }
      var access = principal.org
      if let wanted = header("X-Tally-Org") {
        guard !wanted.isEmpty else { throw .otherOrg(wanted) }
        access = try access.narrowed(to: wanted)
      }
      if case .one(let name) = access { org = name }
    } catch {
      if error.code == WireCode.forbidden.rawValue { note(error) }
      throw WireError(error)
    }
  }

  /// Writes down what was refused for want of a permission.
  private func note(_ refusal: AccessRefusal) {
    var noted = AuditedRequest(requestAction, by: asker)
    noted.outcome = refusal.code
    context.shared.audit.note(noted)
  }

  private var requestAction: AuditRecord.Action {
    switch path {
    case "/v1/ingest", "/write", "/api/v2/write", "/api/v3/write_lp": .insert
    case "/v1/live": .live
    default: method == "DELETE" ? .cancel : .query
    }
  }

  private func identify(
    _ authenticator: any Authenticator
  ) throws(AccessRefusal) -> Principal {
    guard let token else { throw .unauthenticated }
    if let known = state.principal(of: token) {
      if let current = authenticator.refresh(known) { return current }
      state.remember(token, nil)
    }
    let principal = try authenticator.authenticate(token, from: state.address)
    state.remember(token, principal)
    return principal
  }

  /// Who asks, as the audit log names them.
  var asker: Asker {
    Asker(principal, org: org, address: state.address?.text, requestID: id)
  }

  /// The secret that was shown.
  var token: String? {
    if let header = request.headerFields[.authorization] {
      let parts = header.split(separator: " ", maxSplits: 1)
      guard parts.count == 2 else { return nil }
      let secret = parts[1].trimmed
      switch parts[0].lowercased() {
      case "bearer", "token": return secret
      case "basic":
        guard let bytes = Base64.decode(secret) else { return nil }
        let pair = String(decoding: bytes, as: UTF8.self)
        return pair.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).last
          .map(String.init)
      default: return nil
      }
    }
    return HTTPExchange.tokenParameters[path].flatMap { parameters[$0] }
  }

  /// Where a token may be in the URL, for clients that cannot send headers.
  private static let tokenParameters = ["/v1/live": "access_token", "/write": "p"]

  private func count(_ authenticator: any Authenticator) throws(AccessRefusal) {
    guard let left = try authenticator.admit(principal) else { return }
    sender.headers[.rateLimit] = "\(left.limit)"
    sender.headers[.rateRemaining] = "\(left.remaining)"
    sender.headers[.rateReset] = "\(left.resetSeconds)"
  }
}
