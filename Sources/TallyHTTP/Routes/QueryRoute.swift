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
    try await stream(&document, first, form, query, exchange)
  }

  private static func stream(
    _ document: inout ResultDocument, _ first: [UInt8], _ form: QueryForm, _ query: RunningQuery,
    _ exchange: HTTPExchange
  ) async throws {
    let sender = exchange.sender
    if !document.hasRecords { sender.headers[.trailer] = "X-Tally-Rows, X-Tally-Checksum" }
    try await sender.begin(.ok, type: form.format.contentType)
    var piece = first
    do {
      while true {
        try await sender.write(piece, isLast: document.isFinished)
        if document.isFinished { break }
        try query.check()
        let unmade = document
        (document, piece) = try await exchange.make(query) {
          var made = unmade
          let piece = made.next()
          return (made, piece)
        }
      }
    } catch let error as WireError {
      let record = document.end(with: error)
      guard document.hasRecords else { throw BrokenOff() }
      try await sender.write(record, isLast: true)
      return try await sender.finish()
    }
    guard document.hasRecords || document.failure == nil else { throw BrokenOff() }
    try await sender.finish(trailers: document.hasRecords ? nil : trailers(document.summary))
  }

  private static func trailers(_ summary: ResultSummary) -> HTTPFields {
    var trailers = HTTPFields()
    trailers[.rows] = "\(summary.rowCount)"
    trailers[.checksum] = summary.fields["checksum"]
    return trailers
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
