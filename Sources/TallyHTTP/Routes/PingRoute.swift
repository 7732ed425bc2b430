internal import HTTPTypes
internal import TallyServer

/// `GET /ping`: what clients of InfluxDB ask first.
struct PingRoute: HTTPRoute {
  func respond(to exchange: HTTPExchange) async throws {
    exchange.sender.headers[.influxVersion] = "tally-\(ServerVersion.text)"
    try await exchange.sender.send(.noContent)
  }
}
