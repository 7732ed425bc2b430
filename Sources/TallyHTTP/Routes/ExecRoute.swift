internal import HTTPTypes
internal import Tally
internal import TallyExecution
internal import TallyFormat
internal import TallyServer
internal import TallyWire

/// `GET /exec`: asks, as clients of QuestDB do.
struct ExecRoute: HTTPRoute {
  func respond(to exchange: HTTPExchange) async throws {
    let form = try ExecForm(exchange.parameters)
    let options = QueryOptions.standard
    try await exchange.withQuery(options) { query in
      let rowCountMax = exchange.rowCountMax(options)
      let answered = try await exchange.answer(Question(form.query), query) {
        answer throws(WireError) in
        var document = ExecDocument(
          answer, form, rowCountMax: rowCountMax,
          compileNanoseconds: answer.stages.reduce(0) { $0 &+ $1.nanoseconds })
        let first = document.next()
        if let failure = document.failure { throw failure }
        return (document: document, first: first)
      }
      var (document, first) = answered.made
      exchange.sender.headers[.serverTiming] = answered.times.header
      guard !document.isFinished else {
        return try await exchange.sender.send(.ok, type: "application/json", first)
      }
      try await exchange.stream(&document, first, type: "application/json", query)
    }
  }

  func send(_ error: WireError, to exchange: HTTPExchange) async throws {
    exchange.setHeaders(of: error)
    let query = exchange.parameters["query"] ?? ""
    // From 0, in code points of the whole text.
    let offset = error.fields["offset"].flatMap { Int($0) } ?? 0
    let position = String(decoding: query.utf8.prefix(offset), as: UTF8.self).unicodeScalars.count
    let json =
      "{\"query\":\(JSONText.string(query)),\"error\":\(JSONText.string(error.message))"
      + ",\"position\":\(position),\"code\":\(JSONText.string(error.code.rawValue))}\n"
    try await exchange.sender.send(
      HTTPResponse.Status(error.code), type: "application/json", Array(json.utf8))
  }
}
