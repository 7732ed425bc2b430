internal import HTTPTypes
internal import Tally
internal import TallyServer
internal import TallyWire

/// `GET /exp`: a result as a file of csv, as clients of QuestDB ask for it.
struct ExpRoute: HTTPRoute {
  func respond(to exchange: HTTPExchange) async throws {
    let form = try ExecForm(exchange.parameters)
    if let format = exchange.parameters["fmt"], format != "csv" {
      throw WireError(.argument, "found '\(format.prefix(64))' for 'fmt', expected csv")
    }
    let delimiter = try ExpRoute.delimiter(exchange.parameters["delimiter"])
    let options = QueryOptions.standard
    try await exchange.withQuery(options) { query in
      let rowCountMax = exchange.rowCountMax(options)
      let answered = try await exchange.answer(Question(form.query), query) {
        answer throws(WireError) in
        var document = ExpDocument(
          answer, form, delimiter: delimiter, rowCountMax: rowCountMax)
        let first = document.next()
        if let failure = document.failure { throw failure }
        return (document: document, first: first)
      }
      var (document, first) = answered.made
      exchange.sender.headers[.serverTiming] = answered.times.header
      exchange.sender.headers[.contentDisposition] = "attachment; filename=\"tally.csv\""
      try await exchange.stream(&document, first, type: "text/csv; charset=utf-8", query)
    }
  }

  /// - Throws: `E_ARGUMENT`.
  private static func delimiter(_ text: String?) throws(WireError) -> UInt8 {
    guard let text else { return UInt8(ascii: ",") }
    let bytes = Array(text.utf8)
    guard bytes.count == 1, Array(",;|\t".utf8).contains(bytes[0]) else {
      throw WireError(
        .argument, "found another 'delimiter' than a comma, a semicolon, a bar and a tab")
    }
    return bytes[0]
  }

  func send(_ error: WireError, to exchange: HTTPExchange) async throws {
    try await ExecRoute().send(error, to: exchange)
  }
}
