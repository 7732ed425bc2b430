internal import HTTPTypes
internal import NIOCore
internal import Tally
internal import TallyAuth
internal import TallyServer
internal import TallyWire

/// `GET /v1/live`: pushes numbers or results, as server-sent events.
struct LiveRoute: HTTPRoute {
  /// Bytes of one push.
  private static let pushByteCountMax = 1 << 20

  /// What is pushed, and when.
  private struct Form {
    /// Nil: what the server knows by itself.
    var query: QueryForm?
    var options: QueryOptions
    var period: Duration
    var pushesAlways: Bool
  }

  func respond(to exchange: HTTPExchange) async throws {
    let form = try LiveRoute.form(exchange)
    let context = exchange.context
    let stream = RunningQuery(id: exchange.id)
    let user = exchange.principal.org.text + "\n" + exchange.principal.userOrToken
    let countMax = context.configuration.streamCountMax
    guard !context.isStopping else { throw WireError(.shutdown, "the server is stopping") }
    guard context.streams.insert(stream, user: user, countMax: countMax) else {
      throw WireError(.limit, "a user has \(countMax) streams at most")
    }
    defer { context.streams.remove(stream, user: user) }
    var noted = AuditedRequest(form.query == nil ? .live : .subscribe, by: exchange.asker)
    noted.statement = form.query?.question.text
    context.shared.audit.note(noted)
    exchange.state.whenGone { stream.stop(.cancelled, "the client has gone away") }
    defer { exchange.state.whenGone(nil) }
    try await LiveRoute.push(form, stream, exchange)
  }

  private static func form(_ exchange: HTTPExchange) throws(WireError) -> Form {
    let own = ["every", "on", "access_token"]
    var reader = try OptionReader(
      exchange.parameters.filter { own.contains($0.key) }, of: "GET /v1/live")
    _ = reader.text("access_token")
    let every = try reader.duration("every") ?? WireDuration(milliseconds: 5_000)
    guard (1_000...3_600_000).contains(every.milliseconds) else {
      throw OptionReader.wrong("every", every.text, "1s to 1h")
    }
    let trigger = reader.text("on") ?? "change"
    guard ["change", "tick"].contains(trigger) else {
      throw OptionReader.wrong("on", trigger, "change or tick")
    }
    let others = exchange.parameters.filter { !own.contains($0.key) }
    let hasQuery = others["query"] != nil
    // Without a query there is nothing else to be said, and what is unknown is told.
    let query = try QueryForm(
      hasQuery ? others : others + [WireField("query", "live")], of: "GET /v1/live", text: nil,
      accept: nil)
    var form = query
    form.format = hasQuery ? .json : .jsonl
    form.hasHeader = hasQuery
    form.hasEnd = hasQuery
    return Form(
      query: hasQuery ? form : nil, options: form.options,
      period: .milliseconds(every.milliseconds), pushesAlways: trigger == "tick")
  }

  private static func push(
    _ form: Form, _ stream: RunningQuery, _ exchange: HTTPExchange
  ) async throws {
    let sender = exchange.sender
    sender.encoding = .identity
    sender.headers[.cacheControl] = "no-store"
    var number = 0
    var latest: [UInt8]?
    var due = ContinuousClock.now
    do {
      while true {
        try check(exchange)
        let data = try await ask(form, stream, exchange)
        // What cannot be answered at all has a status of its own.
        if !sender.hasBegun { try await begin(exchange) }
        if form.pushesAlways || data.changing != latest {
          number += 1
          latest = data.changing
          let event = form.query == nil ? "live" : "result"
          try await sender.write(LiveRoute.event(event, id: number, data.bytes))
        }
        due = max(due + form.period, .now)
        try await wait(until: due, stream, exchange)
      }
    } catch let error as WireError {
      guard sender.hasBegun else { throw error }
      try await sender.write(event("error", id: nil, Array(error.json(id: exchange.id).utf8)))
      try await sender.finish()
    }
  }

  private static func begin(_ exchange: HTTPExchange) async throws {
    try await exchange.sender.begin(.ok, type: "text/event-stream")
    try await exchange.sender.write(Array("retry: 5000\n\n".utf8))
  }

  /// - Throws: `E_AUTH` once the token no longer holds.
  private static func check(_ exchange: HTTPExchange) throws(WireError) {
    guard let authenticator = exchange.context.shared.authenticator else { return }
    let principal = exchange.principal
    guard !principal.tokenID.isEmpty, authenticator.refresh(principal) != nil else {
      throw WireError(.auth, "the token no longer holds")
    }
  }

  /// One result: its bytes, and those of it that count as a change.
  private static func ask(
    _ form: Form, _ stream: RunningQuery, _ exchange: HTTPExchange
  ) async throws -> (bytes: [UInt8], changing: [UInt8]) {
    let timer = exchange.loop.scheduleTask(
      in: .milliseconds(Int64(form.options.timeout?.milliseconds ?? 30_000))
    ) {
      stream.stop(.timeout, "the query's time was up")
    }
    defer { timer.cancel() }
    let question =
      form.query?.question
      ?? LiveNumbers.question(org: exchange.org, active: exchange.context.runner.active)
    var document = form.query ?? LiveRoute.liveForm(question)
    document.question = question
    let (wanted, rowCountMax, id) = (document, exchange.rowCountMax(form.options), exchange.id)
    return try await exchange.answer(question, stream, isAudited: false) {
      answer throws(WireError) in
      var document = ResultDocument(answer, wanted, rowCountMax: rowCountMax, requestID: id)
      var bytes: [UInt8] = []
      while !document.isFinished {
        bytes += document.next()
        guard bytes.count <= pushByteCountMax else {
          throw WireError(.limit, "a push has more than \(pushByteCountMax) bytes")
        }
      }
      if let failure = document.failure { throw failure }
      // How long it took is no change.
      let checksum = document.summary.fields["checksum"] ?? ""
      return (bytes, Array(checksum.utf8))
    }.made
  }

  private static func liveForm(_ question: Question) -> QueryForm {
    QueryForm(question, options: .standard, hasEnd: false)
  }

  /// Waits, and keeps the connection open meanwhile.
  private static func wait(
    until due: ContinuousClock.Instant, _ stream: RunningQuery, _ exchange: HTTPExchange
  ) async throws {
    let comment = Duration.milliseconds(
      exchange.context.configuration.keepAliveCommentMilliseconds)
    while due > .now {
      let rest = ContinuousClock.now.duration(to: due)
      let pause = TimeAmount(min(rest, comment))
      try await stream.wait { (completion: @escaping @Sendable (Result<Void, WireError>) -> Void) in
        exchange.loop.scheduleTask(in: pause) { completion(.success(())) }
      }
      if rest > comment { try await exchange.sender.write(Array(": keep-alive\n\n".utf8)) }
    }
  }

  private static func event(_ name: String, id: Int?, _ data: [UInt8]) -> [UInt8] {
    var bytes = Array((id.map { "id: \($0)\n" } ?? "").utf8)
    bytes += Array("event: \(name)\n".utf8)
    for line in data.split(separator: 0x0A) {
      bytes += Array("data: ".utf8)
      bytes += line
      bytes.append(0x0A)
    }
    bytes.append(0x0A)
    return bytes
  }
}
