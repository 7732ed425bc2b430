internal import HTTPTypes

/// `GET /healthz`: whether the process answers.
struct HealthzRoute: HTTPRoute {
  func respond(to exchange: HTTPExchange) async throws {
    try await exchange.sender.send(.ok, type: "text/plain", Array("ok\n".utf8))
  }
}
