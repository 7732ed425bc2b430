internal import Tally
internal import TallyBase
internal import TallyWire

extension ConnectionMachine {
  /// A request that cannot be read is answered in its turn.
  mutating func handle(_ failure: RequestFailure, at now: UInt64) {
    mayGreet = false
    answer(failure.tag, failure.error, at: now)
  }

  mutating func handle(_ request: Request, at now: UInt64) {
    let isFirst = mayGreet
    mayGreet = false
    do throws(WireError) {
      if let tag = request.tag, turns.contains(where: { $0.tag == tag && !$0.isDone }) {
        let error = WireError(
          .tag, "a request in flight has this tag", fields: [WireField("tag", tag)])
        return answer(nil, error, at: now)
      }
      try checkAccess(request.command)
      if isDraining, !request.command.verb.isAnsweredAtOnce {
        throw WireError(.shutdown, "the server is stopping")
      }
      try carryOut(request, isFirst: isFirst, at: now)
    } catch {
      answer(request.tag, error, at: now)
    }
  }

  private mutating func carryOut(
    _ request: Request, isFirst: Bool, at now: UInt64
  ) throws(WireError) {
    let tag = request.tag
    switch request.command {
    case .hello(let hello): try greet(hello, tag, isFirst: isFirst, at: now)
    case .auth(let token): try authenticate(token, tag, at: now)
    case .ping(let text):
      sendNow(.done(.ping, tag: tag, message: text.isEmpty ? nil : text))
    case .status: sendNow(.done(.status, tag: tag, fields: statusFields))
    case .cancel(let cancellation): cancel(cancellation, tag, at: now)
    case .use(let org): try use(org, tag, at: now)
    case .set(let query, let insert): set(query, insert, tag, at: now)
    case .prepare(let name, let text): try prepare(name, text, tag, at: now)
    case .query(let text, let options): ask(Question(text), options, tag, at: now)
    case .exec(let name, let parameters, let options):
      ask(try question(name, parameters), options, tag, at: now)
    case .insert(let payload, let options, let isBody):
      let kind = Work.Kind.insert(
        payload: payload, options: options.filled(from: insertDefaults), org: org,
        isBody: isBody)
      add(Turn(id: nextID, tag: tag, byteCount: payload.count, start: now, phase: .ready(kind)))
    case .flush:
      add(Turn(id: nextID, tag: tag, byteCount: 0, start: now, phase: .ready(.flush)))
    case .subscribe, .unsubscribe:
      throw WireError(
        .unsupported, "\(request.command.verb.rawValue) is not in this version of the server")
    case .quit:
      answer(.done(.quit, tag: tag), closes: true, at: now)
    }
  }

  // MARK: Turns

  private mutating func add(_ turn: Turn) {
    nextID += 1
    requestByteCount += turn.byteCount
    turns.append(turn)
  }

  /// Answers in its turn what is known at once.
  private mutating func answer(_ reply: Reply, closes: Bool = false, at now: UInt64) {
    var turn = Turn(id: nextID, tag: reply.tag, byteCount: 0, start: now, phase: .done)
    reply.encode(into: &turn.output)
    turn.closes = closes
    if closes { isDeaf = true }
    add(turn)
  }

  private mutating func answer(_ tag: String?, _ error: WireError, at now: UInt64) {
    let closes = error.code.closes || failedTokenCount >= limits.failedTokenCountMax
    answer(Reply(tag: tag, .failure(error)), closes: closes, at: now)
  }

  /// The org whose rows there are; nil: everybody's.
  private var org: String? { principal?.org ?? usedOrg }

  private mutating func ask(
    _ question: Question, _ options: QueryOptions, _ tag: String?, at now: UInt64
  ) {
    var options = options.filled(from: queryDefaults)
    let wanted = options.timeout?.milliseconds ?? limits.timeoutMilliseconds
    let milliseconds = min(wanted, limits.timeoutMilliseconds)
    options.timeout = WireDuration(milliseconds: milliseconds)
    var question = question
    question.org = org
    var turn = Turn(
      id: nextID, tag: tag, byteCount: question.text.utf8.count, start: now,
      phase: .ready(.query(question, options)))
    turn.deadline = now + UInt64(milliseconds) * 1_000_000
    add(turn)
  }

  // MARK: Access

  private func checkAccess(_ command: Command) throws(WireError) {
    let need: AccessScope?
    switch command {
    case .hello, .auth, .ping, .quit: return
    case .cancel(let cancellation) where cancellation.connection != nil: return
    case .query, .prepare, .exec, .subscribe: need = .read
    case .insert, .flush: need = .write
    case .use, .set, .cancel, .status, .unsubscribe: need = nil
    }
    guard let principal else { throw WireError(.auth, "authenticate first: AUTH TOKEN ...") }
    if let need, !principal.scopes.contains(need) {
      throw WireError(
        .forbidden, "the token may not \(command.verb.rawValue)",
        fields: [WireField("need", need.rawValue)])
    }
  }

  private mutating func authenticate(
    _ token: String, _ tag: String?, at now: UInt64
  ) throws(WireError) {
    guard let authenticator = identity.authenticator else {
      throw WireError(.state, "no token is asked for here")
    }
    guard identity.isLoopback || identity.isTLS else {
      throw WireError(
        .tlsRequired, "a token came over plain text, TLS was expected", hint: "rotate the token")
    }
    guard handshakeDeadline != nil else {
      throw WireError(.state, "the connection is authenticated already")
    }
    guard let principal = authenticator.principal(token: token) else {
      failedTokenCount += 1
      let left = max(0, limits.failedTokenCountMax - failedTokenCount)
      throw WireError(
        .auth, "the token is unknown, expired or revoked",
        fields: [WireField("attempts_left", "\(left)")])
    }
    handshakeDeadline = nil
    self.principal = principal
    let scopes = AccessScope.allCases.filter(principal.scopes.contains).map(\.rawValue)
    answer(
      .done(
        .auth, tag: tag,
        fields: [
          WireField("user", principal.user), WireField("org", principal.org ?? "*"),
          WireField("scopes", scopes.joined(separator: ",")),
        ]), at: now)
  }

  // MARK: The connection

  private mutating func greet(
    _ hello: Command.Hello, _ tag: String?, isFirst: Bool, at now: UInt64
  ) throws(WireError) {
    guard isFirst else {
      throw WireError(.state, "HELLO came late, it was expected as the first request")
    }
    guard hello.version == 1 else {
      mayGreet = true
      throw WireError(
        .version, "version \(hello.version) is not spoken here, expected 1",
        fields: [WireField("supported", "1")])
    }
    if let format = hello.format { queryDefaults.format = format }
    answer(
      .done(
        .hello, tag: tag,
        fields: [
          WireField("version", "1"), WireField("server", "tally/\(ServerVersion.text)"),
          WireField("auth", identity.authenticator == nil ? "none" : "token"),
          WireField("conn", "\(identity.number)"), WireField("key", identity.key),
          WireField("max_line", "\(limits.wire.lineByteCountMax)"),
          WireField("max_batch", "\(limits.wire.payloadByteCountMax)"),
          WireField("max_batch_rows", "\(limits.batchRowCountMax)"),
          WireField("max_in_flight", "\(limits.requestCountMax)"),
          WireField("formats", ResultFormat.allCases.map(\.rawValue).joined(separator: ",")),
          WireField(
            "encodings", PayloadEncoding.allCases.map(\.rawValue).joined(separator: ",")),
          WireField("tls", identity.isTLS ? "yes" : "no"),
        ]), at: now)
  }

  private mutating func use(_ wanted: String?, _ tag: String?, at now: UInt64) throws(WireError) {
    if let wanted {
      let own = principal?.org
      guard own == nil || own == wanted else {
        throw WireError(.forbidden, "the token is of one org, found another one")
      }
      guard !wanted.isEmpty else {
        throw WireError(.argument, "found an empty org, expected a name or *")
      }
      if own == nil { usedOrg = wanted == "*" ? nil : wanted }
    }
    answer(.done(.use, tag: tag, fields: [WireField("org", org ?? "*")]), at: now)
  }

  private mutating func set(
    _ query: QueryOptions, _ insert: InsertOptions, _ tag: String?, at now: UInt64
  ) {
    queryDefaults = query.filled(from: queryDefaults)
    if let timeout = queryDefaults.timeout {
      let milliseconds = min(timeout.milliseconds, limits.timeoutMilliseconds)
      queryDefaults.timeout = WireDuration(milliseconds: milliseconds)
    }
    insertDefaults = insert.filled(from: insertDefaults)
    answer(
      .done(.set, tag: tag, fields: queryDefaults.fields + insertDefaults.fields), at: now)
  }

  private var statusFields: [WireField] {
    let executing = turns.filter(\.isExecuting)
    let running = executing.filter(\.isRunning).count
    var fields = [WireField("version", ServerVersion.text)]
    let server = serverFields()
    if let uptime = server["uptime_s"] { fields.append(WireField("uptime_s", uptime)) }
    fields += [
      WireField("conn", "\(identity.number)"), WireField("org", org ?? "*"),
      WireField("in_flight", "\(turns.count)"), WireField("running", "\(running)"),
      WireField("queued", "\(executing.count - running)"), WireField("subscriptions", "0"),
      WireField("statements", "\(statements.count)"),
      WireField("ready", isDraining ? "no" : "yes"),
    ]
    if principal?.scopes.contains(.system) == true {
      fields += server.filter { $0.key != "uptime_s" }
    }
    return fields
  }

  private mutating func cancel(
    _ cancellation: Command.Cancellation, _ tag: String?, at now: UInt64
  ) {
    guard cancellation.connection != nil else {
      let count = cancel(tag: cancellation.tag, at: now)
      return sendNow(.done(.cancel, tag: tag, fields: [WireField("found", "\(count)")]))
    }
    request(.cancel(cancellation, tag: tag))
  }

  // MARK: Statements

  private mutating func prepare(
    _ name: String, _ text: String?, _ tag: String?, at now: UInt64
  ) throws(WireError) {
    guard let text else {
      let isDropped = statements.removeValue(forKey: name) != nil
      let fields = [
        WireField("name", name), WireField("dropped", isDropped ? "yes" : "no"),
      ]
      return answer(.done(.prepare, tag: tag, fields: fields), at: now)
    }
    let others = statements.filter { $0.key != name }
    let byteCount = others.values.reduce(text.utf8.count) { $0 + $1.text.utf8.count }
    guard others.count < limits.statementCountMax, byteCount <= limits.statementByteCountMax else {
      throw WireError(
        .limit,
        "a connection keeps \(limits.statementCountMax) statements of "
          + "\(limits.statementByteCountMax) bytes in all",
        hint: "PREPARE with a name alone forgets one")
    }
    let count: Int
    do throws(TallyError) {
      count = try Question.parameterCount(of: text)
    } catch {
      throw WireError(error, source: text)
    }
    statements[name] = PreparedStatement(text: text, parameterCount: count)
    let fields = [WireField("name", name), WireField("params", "\(count)")]
    answer(.done(.prepare, tag: tag, fields: fields), at: now)
  }

  private func question(_ name: String, _ parameters: [Value]) throws(WireError) -> Question {
    guard let statement = statements[name] else {
      let nearest = Suggestion.nearest(to: name, among: statements.keys.sorted())
      throw WireError(
        .unknownStatement, "no statement \"\(name)\" was prepared on this connection",
        hint: Suggestion.hint(nearest))
    }
    guard parameters.count == statement.parameterCount else {
      throw WireError(
        .argument,
        "found \(parameters.count) values, \"\(name)\" takes \(statement.parameterCount)")
    }
    var question = Question(statement.text)
    question.parameters = parameters
    return question
  }
}

/// The version of the server, as clients are told.
package enum ServerVersion {
  package static let text = "0.1.0"
}
