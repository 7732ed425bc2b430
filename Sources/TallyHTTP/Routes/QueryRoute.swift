internal import HTTPTypes
internal import TallyServer
internal import TallyWire

/// `POST /v1/query`, and `GET`: asks; rows are streamed.
struct QueryRoute: HTTPRoute {
  func respond(to exchange: HTTPExchange) async throws {
    let form = try await exchange.queryForm()
    try await exchange.withQuery(form.options) { query in
      try await QueryRoute.answer(form, query, exchange)
    }
  }

  /// Sends the whole answer.
  static func answer(
    _ form: QueryForm, _ query: RunningQuery, _ exchange: HTTPExchange
  ) async throws {
    let (rowCountMax, id) = (exchange.rowCountMax(form.options), exchange.id)
    let answered = try await exchange.answer(form.question, query) { answer in
      var document = ResultDocument(answer, form, rowCountMax: rowCountMax, requestID: id)
      let first = document.next()
      return (document: document, first: first)
    }
    var (document, first) = answered.made
    exchange.sender.headers[.serverTiming] = answered.times.header
    exchange.sender.headers[.columns] = header(document.columns)
    if document.isFinished, document.hasRecords {
      return try await exchange.sender.send(.ok, type: form.format.contentType, first)
    }
    try await exchange.stream(&document, first, type: form.format.contentType, query)
  }

  /// The columns as a header takes them: ASCII, at most 8 KiB.
  private static func header(_ columns: String) -> String? {
    var text = ""
    for unit in columns.utf16 {
      if unit < 0x80, let scalar = Unicode.Scalar(unit) {
        text.unicodeScalars.append(scalar)
      } else {
        let digits = String(unit, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      }
    }
    return text.utf8.count <= 8_192 ? text : nil
  }
}
