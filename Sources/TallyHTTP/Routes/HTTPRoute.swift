internal import HTTPTypes
internal import TallyAuth
internal import TallyBase
internal import TallyWire

/// What one path answers.
protocol HTTPRoute: Sendable {
  /// - Throws: `WireError`, which is sent where nothing was; else what breaks the connection off.
  func respond(to exchange: HTTPExchange) async throws
  /// Tells of an error in the shape that clients of the route know.
  func send(_ error: WireError, to exchange: HTTPExchange) async throws
}

extension HTTPRoute {
  func send(_ error: WireError, to exchange: HTTPExchange) async throws {
    try await exchange.send(error)
  }
}

/// The routes there are.
enum HTTPRoutes {
  /// The methods of a path, `HEAD` and `OPTIONS` among them; none: there is no such path.
  static func methods(of path: String) -> [String] {
    let methods = ["GET", "POST", "DELETE"].filter {
      AccessTable.requirement(method: $0, path: path) != nil
    }
    guard !methods.isEmpty else { return [] }
    return methods + (methods.contains("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"])
  }

  static func hint(_ path: String) -> String? {
    Suggestion.hint(
      Suggestion.nearest(to: path, among: Set(AccessTable.routes.map(\.path)).sorted()))
  }

  static func find(_ method: String, _ path: String) -> (any HTTPRoute)? {
    switch (method, path) {
    case ("GET", "/v1/query"), ("POST", "/v1/query"): QueryRoute()
    case ("POST", "/v1/ingest"): IngestRoute()
    case ("GET", "/v1/live"): LiveRoute()
    case ("GET", "/exec"): ExecRoute()
    case ("GET", "/exp"): ExpRoute()
    case ("POST", "/write"): InfluxWriteRoute(.v1)
    case ("POST", "/api/v2/write"): InfluxWriteRoute(.v2)
    case ("POST", "/api/v3/write_lp"): InfluxWriteRoute(.v3)
    case ("GET", "/metrics"): MetricsRoute()
    case ("GET", "/ping"): PingRoute()
    case ("GET", "/health"): HealthRoute()
    case ("GET", "/healthz"): HealthzRoute()
    case ("GET", "/readyz"): ReadyzRoute()
    case ("DELETE", _) where path.hasPrefix(CancelRoute.prefix): CancelRoute()
    default: nil
    }
  }
}

/// `OPTIONS` of any path.
struct OptionsRoute: HTTPRoute {
  let methods: [String]

  func respond(to exchange: HTTPExchange) async throws {
    exchange.sender.headers[.allow] =
      methods.isEmpty ? "GET, HEAD, POST, DELETE, OPTIONS" : methods.joined(separator: ", ")
    try await exchange.sender.send(.noContent)
  }
}
