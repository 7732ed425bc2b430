internal import HTTPTypes
internal import Tally
internal import TallyServer
internal import TallyStorage
internal import TallyWire

/// `GET /readyz`: whether the server can do its work. It listens once the store has been recovered.
struct ReadyzRoute: HTTPRoute {
  func respond(to exchange: HTTPExchange) async throws {
    guard !exchange.context.isStopping else {
      throw WireError(.shutdown, "the server is stopping")
    }
    guard exchange.context.runner.database.isWritable else {
      throw WireError(.readOnly, "the store is open for reading only")
    }
    guard !exchange.context.runner.database.store.isDiskLow else {
      throw WireError(.diskFull, "the disk is full")
    }
    try exchange.context.shared.audit.check()
    try await exchange.sender.send(.ok, type: "text/plain", Array("ready\n".utf8))
  }

  func send(_ error: WireError, to exchange: HTTPExchange) async throws {
    let json = "{\"error\":" + error.json(id: exchange.id) + "}\n"
    exchange.setHeaders(of: error)
    try await exchange.sender.send(
      .serviceUnavailable, type: "application/json", Array(json.utf8))
  }
}
