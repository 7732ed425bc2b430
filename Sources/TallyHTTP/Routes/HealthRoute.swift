internal import HTTPTypes
internal import TallyServer

/// `GET /health`: what clients of InfluxDB 2 ask first.
struct HealthRoute: HTTPRoute {
  func respond(to exchange: HTTPExchange) async throws {
    exchange.sender.headers[.influxVersion] = "tally-\(ServerVersion.text)"
    try await exchange.sender.send(
      .ok, type: "application/json", Array("{\"name\":\"tally\",\"status\":\"pass\"}\n".utf8))
  }
}
