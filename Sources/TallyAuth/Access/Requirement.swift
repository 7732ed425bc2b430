/// What a request needs before it is looked at. What is in neither table does not exist, and is
/// refused as such.
package enum Requirement: Hashable, Sendable {
  /// Everybody may.
  case none
  /// Any token will do.
  case token
  case scope(Scope)
}

/// What each verb of the line protocol and each route of the HTTP API needs.
package enum AccessTable {
  /// Verbs in upper case.
  package static let verbs: [String: Requirement] = [
    "HELLO": .none, "AUTH": .none, "PING": .none, "QUIT": .none,
    "USE": .token, "SET": .token, "STATUS": .token, "CANCEL": .token, "UNSUBSCRIBE": .token,
    "QUERY": .scope(.analyticsRead), "PREPARE": .scope(.analyticsRead),
    "EXEC": .scope(.analyticsRead), "SUBSCRIBE": .scope(.analyticsRead),
    "INSERT": .scope(.analyticsWrite), "INGEST": .scope(.analyticsWrite),
    "END": .scope(.analyticsWrite), "FLUSH": .scope(.analyticsWrite),
  ]

  /// A route: a method and a path, in which `{id}` stands for one part.
  package struct Route: Hashable, Sendable {
    package var method: String
    package var path: String
    package var requirement: Requirement

    package init(method: String, path: String, requirement: Requirement) {
      self.method = method
      self.path = path
      self.requirement = requirement
    }
  }

  package static let routes: [Route] = [
    Route(method: "POST", path: "/v1/query", requirement: .scope(.analyticsRead)),
    Route(method: "GET", path: "/v1/query", requirement: .scope(.analyticsRead)),
    Route(method: "DELETE", path: "/v1/query/{id}", requirement: .scope(.analyticsRead)),
    Route(method: "POST", path: "/v1/ingest", requirement: .scope(.analyticsWrite)),
    Route(method: "GET", path: "/v1/live", requirement: .scope(.analyticsRead)),
    Route(method: "GET", path: "/exec", requirement: .scope(.analyticsRead)),
    Route(method: "GET", path: "/exp", requirement: .scope(.analyticsRead)),
    Route(method: "POST", path: "/write", requirement: .scope(.analyticsWrite)),
    Route(method: "POST", path: "/api/v2/write", requirement: .scope(.analyticsWrite)),
    Route(method: "POST", path: "/api/v3/write_lp", requirement: .scope(.analyticsWrite)),
    Route(method: "GET", path: "/ping", requirement: .none),
    Route(method: "GET", path: "/health", requirement: .none),
    Route(method: "GET", path: "/metrics", requirement: .scope(.analyticsRead)),
    Route(method: "GET", path: "/healthz", requirement: .none),
    Route(method: "GET", path: "/readyz", requirement: .none),
  ]

  /// What a verb needs; nil if there is no such verb.
  ///
  /// - Parameter hasCancelKey: whether `CANCEL` brings `conn=` and `key=`: the key is the
  ///   permission then.
  package static func requirement(verb: String, hasCancelKey: Bool = false) -> Requirement? {
    if hasCancelKey, verb.uppercased() == "CANCEL" { return Requirement.none }
    return verbs[verb] ?? verbs[verb.uppercased()]
  }

  /// What a request over HTTP needs; nil if there is no such route. `HEAD` is `GET`.
  ///
  /// - Parameter path: without the query string, percent escapes decoded.
  package static func requirement(method: String, path: String) -> Requirement? {
    let wanted = method == "HEAD" ? "GET" : method
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return routes.first { $0.method == wanted && matches($0.path, parts) }?.requirement
  }

  private static func matches(_ pattern: String, _ parts: [Substring]) -> Bool {
    let wanted = pattern.split(separator: "/", omittingEmptySubsequences: false)
    return wanted.count == parts.count
      && zip(wanted, parts).allSatisfy { $0 == $1 || ($0 == "{id}" && !$1.isEmpty) }
  }
}
