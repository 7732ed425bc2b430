internal import HTTPTypes
internal import TallyAuth
internal import TallyFormat
internal import TallyServer
internal import TallyWire

/// `DELETE /v1/query/{id}`: stops a query of the same org by its name.
struct CancelRoute: HTTPRoute {
  static let prefix = "/v1/query/"

  func respond(to exchange: HTTPExchange) async throws {
    let id = String(exchange.path.dropFirst(CancelRoute.prefix.count))
    var noted = AuditedRequest(.cancel, by: exchange.asker)
    noted.target = String(id.prefix(64))
    guard let query = exchange.context.queries.find(id, org: exchange.org) else {
      noted.outcome = WireCode.notFound.rawValue
      exchange.context.shared.audit.note(noted)
      throw WireError(.notFound, "no query of this name is running")
    }
    exchange.context.shared.audit.note(noted)
    query.stop(.cancelled, "cancelled by the client")
    let json = "{\"id\":\(JSONText.string(id)),\"found\":true}\n"
    try await exchange.sender.send(.ok, type: "application/json", Array(json.utf8))
  }
}
