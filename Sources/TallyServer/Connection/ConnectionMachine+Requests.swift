internal import Tally
package import TallyAuth
internal import TallyBase
package import TallyWire

extension ConnectionMachine {
  /// A request that cannot be read is answered in its turn.
  mutating func handle(_ failure: RequestFailure, at now: UInt64) {
    mayGreet = false
    let isStranger = principal == nil && failure.error.code == .tooLarge
    answer(failure.tag, isStranger ? .unauthenticated : failure.error, at: now)
  }

  mutating func handle(_ request: Request, at now: UInt64) {
    let isFirst = mayGreet
    mayGreet = false
    if request.isBarePing { return sendBarePong() }
    do throws(WireError) {
      if let tag = request.tag, isTaken(tag) {
        let error = WireError(
          .tag, "a request in flight has this tag", fields: [WireField("tag", tag)])
        return answer(nil, error, at: now)
      }
      try checkAccess(request.command, at: now)
      if isDraining, !request.command.verb.isAnsweredAtOnce {
        throw WireError(.shutdown, "the server is stopping")
      }
      try carryOut(request, isFirst: isFirst, at: now)
    } catch {
      if error.code == .forbidden { note(request, error) }
      answer(request.tag, error, at: now)
    }
  }

  /// Whether a request in flight or a subscription has a tag.
  private func isTaken(_ tag: String) -> Bool {
    turns.contains { $0.tag == tag && !$0.isDone } || subscriptions.contains { $0.tag == tag }
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
    case .status:
      // What was sent before it is counted as it is.
      start()
      sendNow(.done(.status, tag: tag, fields: statusFields))
    case .cancel(let cancellation): cancel(cancellation, tag, at: now)
    case .use(let org): try use(org, tag, at: now)
    case .set(let query, let insert): set(query, insert, tag, at: now)
    case .prepare(let name, let text): try prepare(name, text, tag, at: now)
    case .query(let text, let options): ask(Question(text), options, tag, at: now)
    case .exec(let name, let parameters, let options):
      ask(try question(name, parameters), options, tag, at: now)
    case .insert(let payload, let options, let isBody):
      hasInserted = true
      guard !refusesEvents(now) else {
        throw WireError(
          .busy, "events come faster than the disk takes them",
          fields: [WireField("after_ms", "1000")])
      }
      let kind = Work.Kind.insert(
        payload: payload, options: options.filled(from: insertDefaults), org: org,
        isBody: isBody)
      add(Turn(id: nextID, tag: tag, byteCount: payload.count, start: now, phase: .ready(kind)))
    case .flush:
      add(Turn(id: nextID, tag: tag, byteCount: 0, start: now, phase: .ready(.flush)))
    case .subscribe(let subscription): try subscribe(subscription, tag, at: now)
    case .unsubscribe(let wanted): unsubscribe(wanted, tag, at: now)
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
  mutating func answer(
    _ reply: Reply, closes: Bool = false, activates: String? = nil, at now: UInt64
  ) {
    var turn = Turn(id: nextID, tag: reply.tag, byteCount: 0, start: now, phase: .done)
    reply.encode(into: &turn.output)
    turn.closes = closes
    turn.activates = activates
    if closes { isDeaf = true }
    add(turn)
  }

  private mutating func answer(_ tag: String?, _ error: WireError, at now: UInt64) {
    identity.metrics?.countError(error.code)
    let closes = error.code.closes || failedTokenCount >= limits.failedTokenCountMax
    answer(Reply(tag: tag, .failure(error)), closes: closes, at: now)
  }

  /// The org whose rows there are; nil: everybody's.
  var org: String? {
    if case .one(let name)? = principal?.org { name } else { usedOrg }
  }

  private mutating func ask(
    _ question: Question, _ options: QueryOptions, _ tag: String?, at now: UInt64
  ) {
    let options = limited(options)
    let milliseconds = options.timeout?.milliseconds ?? limits.timeoutMilliseconds
    var question = question
    question.org = org
    var turn = Turn(
      id: nextID, tag: tag, byteCount: question.text.utf8.count, start: now,
      phase: .ready(.query(question, options)))
    turn.deadline = now + UInt64(milliseconds) * 1_000_000
    add(turn)
  }

  /// Options with the connection's defaults, within the server's limits.
  func limited(_ options: QueryOptions) -> QueryOptions {
    var options = options.filled(from: queryDefaults)
    let wanted = options.timeout?.milliseconds ?? limits.timeoutMilliseconds
    options.timeout = WireDuration(milliseconds: min(wanted, limits.timeoutMilliseconds))
    return options
  }

  /// Whether who has asked may still do so.
  var mayStillAsk: Bool {
    guard let principal else { return false }
    guard let authenticator = identity.authenticator, authenticator.isRequired else {
      return true
    }
    return !principal.tokenID.isEmpty && authenticator.refresh(principal) != nil
  }

  // MARK: Access

  /// Whether a request may be made at all, now.
  private mutating func checkAccess(_ command: Command, at now: UInt64) throws(WireError) {
    var hasCancelKey = false
    if case .cancel(let cancellation) = command {
      hasCancelKey = cancellation.connection != nil
    }
    let verb = command.verb.rawValue
    guard let need = AccessTable.requirement(verb: verb, hasCancelKey: hasCancelKey) else {
      throw WireError(.internalError, "what \(verb) needs is not known")
    }
    guard need != Requirement.none else { return }
    let authenticator = identity.authenticator
    if principal?.tokenID.isEmpty == true, authenticator?.isRequired == true {
      // The first token was made while the connection was open.
      principal = nil
      decoder.keptByteCountMax = limits.strangerByteCountMax
      handshakeDeadline = now + UInt64(limits.handshakeMilliseconds) * 1_000_000
    }
    guard let known = principal else {
      throw .unauthenticated
    }
    let refreshed = known.tokenID.isEmpty ? known : authenticator?.refresh(known)
    guard let current = refreshed else {
      failedTokenCount = limits.failedTokenCountMax
      throw WireError(.auth, "the token no longer holds")
    }
    principal = current
    do throws(AccessRefusal) {
      try current.require(need)
      // Events are held back by the disk; only questions are counted.
      if need == .scope(.analyticsRead) { try authenticator?.admit(current) }
    } catch {
      throw WireError(error)
    }
  }

  private mutating func authenticate(
    _ token: String, _ tag: String?, at now: UInt64
  ) throws(WireError) {
    guard let authenticator = identity.authenticator, authenticator.isRequired else {
      throw WireError(.state, "no token is asked for here")
    }
    guard identity.isLoopback || identity.isTLS else {
      throw WireError(
        .tlsRequired, "a token came over plain text, TLS was expected", hint: "rotate the token")
    }
    guard principal == nil || principal?.tokenID.isEmpty == true else {
      throw WireError(.state, "the connection is authenticated already")
    }
    let principal: Principal
    do throws(AccessRefusal) {
      principal = try authenticator.authenticate(token, from: identity.address)
    } catch {
      failedTokenCount += 1
      var left = max(0, limits.failedTokenCountMax - failedTokenCount)
      // Whoever opens one connection after the other gains nothing by it.
      if let address = identity.address {
        left = min(left, authenticator.attemptsLeft(from: address))
      }
      if left == 0 { failedTokenCount = limits.failedTokenCountMax }
      var failure = WireError(error)
      failure.fields.append(WireField("attempts_left", "\(left)"))
      throw failure
    }
    handshakeDeadline = nil
    decoder.keptByteCountMax = .max
    self.principal = principal
    answer(
      .done(
        .auth, tag: tag,
        fields: [
          WireField("user", principal.userOrToken), WireField("org", principal.org.text),
          WireField("scopes", principal.scopes.text),
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
          WireField("auth", identity.authenticator?.isRequired == true ? "token" : "none"),
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
    if let wanted, let principal {
      guard !wanted.isEmpty else {
        throw WireError(.argument, "found an empty org, expected a name or *")
      }
      do throws(AccessRefusal) {
        _ = try principal.org.narrowed(to: wanted)
      } catch {
        throw WireError(error)
      }
      if principal.org == .all { usedOrg = wanted == "*" ? nil : wanted }
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
      WireField("queued", "\(executing.count - running)"),
      WireField("subscriptions", "\(subscriptions.count)"),
      WireField("statements", "\(statements.count)"),
      WireField("ready", isDraining ? "no" : "yes"),
    ]
    if principal?.scopes.allows(.systemAdmin) == true {
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
    pendingCancellationCount += 1
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

extension WireError {
  /// Nobody has shown a token.
  fileprivate static var unauthenticated: WireError {
    WireError(.auth, "authenticate first: AUTH TOKEN ...")
  }

  /// Why somebody is not let in, or may not.
  package init(_ refusal: AccessRefusal) {
    var fields: [WireField] = []
    if let need = refusal.need { fields.append(WireField("need", need)) }
    if let milliseconds = refusal.retryAfterMilliseconds {
      fields.append(WireField("after_ms", "\(milliseconds)"))
    }
    if case .rateLimited(let scope, _) = refusal {
      fields.append(WireField("scope", scope.rawValue))
    }
    self.init(WireCode(rawValue: refusal.code), refusal.message, fields: fields)
  }
}
