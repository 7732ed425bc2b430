package import Tally
package import TallyAuth
internal import TallyBase
package import TallyWire

/// One connection of the line protocol, without I/O: what comes from the client and what is done
/// elsewhere goes in, what is to be done comes out.
///
/// The owner calls one of the functions that take a time, then carries out ``takeActions()``. Times
/// are nanoseconds of a clock that never goes back.
package struct ConnectionMachine {
  /// What the owner is to do, in order.
  package enum Action: Sendable {
    /// Send these bytes, whole replies.
    case send([UInt8])
    /// Run this elsewhere and call ``finish(_:_:at:)``.
    case run(Work)
    /// Make the next rows elsewhere and call ``finish(_:_:at:)``.
    case produce(id: Int, ResultStream)
    /// Stop queries of another connection and call ``finishCancellation(tag:count:at:)``.
    case cancel(Command.Cancellation, tag: String?)
    /// Write down what was asked, without waiting.
    case audit(AuditedRequest)
    /// Send what is to be sent, then close. Nothing comes after it.
    case close
  }

  /// What a connection is told when it begins.
  package struct Identity: Sendable {
    package var number: UInt64
    /// Lets other connections stop its queries.
    package var key: String
    /// Whether the client is on this machine.
    package var isLoopback: Bool
    package var isTLS = false
    /// Where the client is; nil: failures are not counted by it.
    package var address: AccessGate.Address?
    /// Nil: no tokens are asked for.
    package var authenticator: (any Authenticator)?
    /// What counts errors.
    package var metrics: ServerMetrics?

    package init(
      number: UInt64, key: String, isLoopback: Bool, authenticator: (any Authenticator)? = nil
    ) {
      self.number = number
      self.key = key
      self.isLoopback = isLoopback
      self.authenticator = authenticator
    }
  }

  let identity: Identity
  let limits: ConnectionLimits
  /// The reply to a question, where it is at hand.
  let keptReply: @Sendable (Question, QueryOptions, Asker?) -> KeptReply?
  /// Whether events are refused now, since the disk does not keep up.
  package var refusesEvents: @Sendable (_ now: UInt64) -> Bool = { _ in false }
  /// Facts about the server for STATUS.
  let serverFields: @Sendable () -> [WireField]

  var decoder: RequestDecoder
  var turns: [Turn] = []
  private(set) var actions: [Action] = []
  /// Bytes that are sent after ``actions``.
  private var sending: [UInt8] = []
  var nextID = 1
  var requestByteCount = 0

  var principal: Principal?
  /// The org that `USE` chose.
  var usedOrg: String?
  var queryDefaults = QueryOptions.standard
  var insertDefaults = InsertOptions.standard
  var settings = QuestionSettings()
  var statements: [String: PreparedStatement] = [:]
  var subscriptions: [Subscription] = []
  var mayGreet = true
  /// Whether events were sent.
  var hasInserted = false
  var failedTokenCount = 0
  /// Other connections that were asked to stop queries and have not answered.
  var pendingCancellationCount = 0

  private(set) var isWritable = true
  /// Nothing more is read: the last turn closes, or the client has closed its side.
  var isDeaf = false
  private(set) var hasClosed = false
  /// Set: the server is stopping.
  var isDraining = false
  private(set) var inputHasEnded = false

  var handshakeDeadline: UInt64?
  var stallDeadline: UInt64?
  private(set) var slowDeadline: UInt64?
  private(set) var graceDeadline: UInt64?

  package init(
    _ identity: Identity, limits: ConnectionLimits = ConnectionLimits(), at now: UInt64,
    keptReply: @escaping @Sendable (Question, QueryOptions, Asker?) -> KeptReply? = {
      _, _, _ in nil
    },
    serverFields: @escaping @Sendable () -> [WireField] = { [] }
  ) {
    self.keptReply = keptReply
    self.identity = identity
    self.limits = limits
    self.serverFields = serverFields
    decoder = RequestDecoder(limits: limits.wire)
    if identity.authenticator?.isRequired == true {
      decoder.keptByteCountMax = limits.strangerByteCountMax
      handshakeDeadline = now + UInt64(limits.handshakeMilliseconds) * 1_000_000
    } else {
      principal = .anonymous
    }
  }

  /// Bytes of events that wait to be written: what waits for a query of the same connection does
  /// not wait for the disk.
  package var heldByteCount: Int {
    guard hasInserted else { return 0 }
    var count = 0
    for turn in turns {
      switch turn.phase {
      case .ready(.query), .running(.query, _): return count
      case .ready, .running: count += turn.byteCount
      case .streaming, .producing, .done: continue
      }
    }
    return count
  }

  /// Requests that have not been answered.
  package var turnCount: Int { turns.count }

  /// Whether bytes of the client should be read.
  package var wantsInput: Bool {
    !isDeaf && !hasClosed && isWritable && turns.count < limits.requestCountMax
      && requestByteCount < limits.requestByteCountMax
  }

  /// What is to be done since the last call.
  package mutating func takeActions() -> [Action] {
    endSending()
    defer { actions = [] }
    return actions
  }

  // MARK: Events

  /// Bytes have come. They are taken even if none were wanted.
  package mutating func receive(_ bytes: some Collection<UInt8>, at now: UInt64) {
    guard !isDeaf, !hasClosed else { return }
    decoder.feed(bytes)
    stallDeadline = nil
    advance(at: now)
  }

  /// The client sends no more. What runs has a moment to end, after `QUIT` all the time it needs.
  package mutating func endInput(at now: UInt64) {
    guard !inputHasEnded else { return }
    inputHasEnded = true
    advance(at: now)
    if !isDeaf {
      isDeaf = true
      graceDeadline = now + UInt64(limits.graceMilliseconds) * 1_000_000
    }
    advance(at: now)
  }

  /// The connection is gone: whatever it wanted is stopped.
  package mutating func disconnect() {
    hasClosed = true
    stopAll()
    decoder = RequestDecoder(limits: limits.wire)
    actions = []
    sending = []
  }

  /// The socket takes bytes, or is full.
  package mutating func setWritable(_ isWritable: Bool, at now: UInt64) {
    self.isWritable = isWritable
    slowDeadline = isWritable ? nil : now + UInt64(limits.slowReaderMilliseconds) * 1_000_000
    if isWritable { advance(at: now) }
  }

  /// The client has taken some bytes, though the socket is still full.
  package mutating func noteProgress(at now: UInt64) {
    if !isWritable { slowDeadline = now + UInt64(limits.slowReaderMilliseconds) * 1_000_000 }
  }

  /// Work or rows are ready.
  package mutating func finish(_ id: Int, _ outcome: WorkOutcome, at now: UInt64) {
    if let settings = outcome.settings { self.settings = settings }
    if finishPush(id, outcome, at: now) { return advance(at: now) }
    guard let index = turns.firstIndex(where: { $0.id == id }), !turns[index].isDone else {
      return advance(at: now)
    }
    turns[index].output += outcome.bytes
    if let rest = outcome.rest {
      turns[index].phase = .streaming(rest)
    } else {
      turns[index].phase = .done
    }
    advance(at: now)
  }

  /// The answer of another connection that was asked to stop queries.
  package mutating func finishCancellation(tag: String?, count: Int, at now: UInt64) {
    pendingCancellationCount -= 1
    sendNow(.done(.cancel, tag: tag, fields: [WireField("found", "\(count)")]))
    advance(at: now)
  }

  /// The server stops: what was asked is answered, nothing new is.
  package mutating func drain(withinMilliseconds milliseconds: Int, at now: UInt64) {
    guard !isDraining, !hasClosed else { return }
    isDraining = true
    sendNow(
      Reply(
        .notice(word: "shutdown", message: nil),
        fields: [WireField("after_ms", "\(milliseconds)")]))
    advance(at: now)
  }

  /// The connection was not read for a while, because too much waited to be written.
  package mutating func noteHeld(milliseconds: Int) {
    sendNow(
      Reply(
        .notice(word: "slow", message: nil),
        fields: [WireField("queue_ms", "\(milliseconds)")]))
  }

  // MARK: Replies

  /// Sends a reply ahead of its turn.
  mutating func sendNow(_ reply: Reply) {
    guard !hasClosed else { return }
    reply.encode(into: &sending)
  }

  /// The answer to `PING` and nothing else, which anybody may ask for at any time.
  mutating func sendBarePong() {
    guard !hasClosed else { return }
    sending.append(contentsOf: "+PING\n".utf8)
  }

  mutating func request(_ action: Action) {
    endSending()
    actions.append(action)
  }

  /// What is sent one after the other is sent as one.
  private mutating func endSending() {
    guard !sending.isEmpty else { return }
    actions.append(.send(sending))
    sending = []
  }

  /// Sends the last words and closes, whatever else was to be answered.
  mutating func close(with error: WireError?) {
    guard !hasClosed else { return }
    if let error { sendNow(Reply(.failure(error))) }
    stopAll()
    hasClosed = true
    request(.close)
  }

  /// Nobody waits for anything any more.
  private mutating func stopAll() {
    for turn in turns {
      if case .running(_, let token) = turn.phase { token.cancel() }
    }
    for subscription in subscriptions { subscription.running?.token.cancel() }
    turns = []
    subscriptions = []
  }

  /// Reads, starts and answers as far as it goes.
  mutating func advance(at now: UInt64) {
    guard !hasClosed else { return }
    while true {
      let hasRead = read(at: now)
      start()
      let hasAnswered = deliver()
      if hasClosed { return }
      // Answers make room for requests that are at hand.
      if !hasRead, !hasAnswered { break }
    }
    push(at: now)
    updateStall(at: now)
    if turns.isEmpty, isDraining || (isDeaf && inputHasEnded) { close(with: nil) }
  }

  /// Whether there was a request.
  private mutating func read(at now: UInt64) -> Bool {
    var hasRead = false
    while wantsInput, let outcome = decoder.next() {
      hasRead = true
      switch outcome {
      case .request(let request): handle(request, at: now)
      case .failure(let failure): handle(failure, at: now)
      }
    }
    return hasRead
  }

  private mutating func updateStall(at now: UInt64) {
    if !wantsInput || !decoder.isInsideRequest {
      stallDeadline = nil
    } else if stallDeadline == nil {
      stallDeadline = now + UInt64(limits.stallMilliseconds) * 1_000_000
    }
  }

  /// Starts what may begin: queries beside each other, all else when everything before has ended.
  mutating func start() {
    var queryCount = 0
    for index in turns.indices {
      switch turns[index].phase {
      case .streaming, .producing, .done: continue
      case .running(let kind, _):
        guard kind.isQuery, !kind.isSetting else { return }
        queryCount += 1
      case .ready(let kind):
        if answer(index, kind) { continue }
        let isAlone = !kind.isQuery || kind.isSetting
        guard isAlone ? queryCount == 0 : queryCount < limits.queryCountMax else { return }
        run(index, kind)
        if isAlone { return }
        queryCount += 1
      }
    }
  }

  private mutating func run(_ index: Int, _ kind: Work.Kind) {
    let token = CancellationToken()
    var kind = kind
    if case .query(var question, let options) = kind {
      question.settings = settings(for: options)
      kind = .query(question, options)
    }
    turns[index].phase = .running(kind.withoutPayload, token)
    let work = Work(
      id: turns[index].id, tag: turns[index].tag, kind: kind, cancellation: token,
      asker: asker(turns[index].id))
    request(.run(work))
  }

  /// Answers a query whose reply is at hand.
  private mutating func answer(_ index: Int, _ kind: Work.Kind) -> Bool {
    guard case .query(var question, let options) = kind, !kind.isSetting else { return false }
    question.settings = settings(for: options)
    let asker = identity.authenticator == nil ? nil : asker(turns[index].id)
    guard let reply = keptReply(question, options, asker) else { return false }
    reply.encode(tag: turns[index].tag, elapsedNanoseconds: 0, into: &turns[index].output)
    turns[index].phase = .done
    return true
  }

  /// The connection's settings and what a request wants of its own.
  func settings(for options: QueryOptions) -> QuestionSettings {
    var settings = settings
    if options.usesRollups == false { settings.usesRollups = false }
    if options.allowsPartialAnswers == true { settings.allowsPartialAnswers = true }
    return settings
  }

  /// Whether a reply has begun that has not ended.
  var isInsideReply: Bool {
    switch turns.first?.phase {
    case .streaming, .producing: true
    case .ready, .running, .done, nil: false
    }
  }

  /// Sends what the first turns have; whether any of them has ended.
  private mutating func deliver() -> Bool {
    var answeredCount = 0
    defer { turns.removeFirst(min(answeredCount, turns.count)) }
    while isWritable, answeredCount < turns.count {
      let index = answeredCount
      sending += turns[index].output
      turns[index].output = []
      switch turns[index].phase {
      case .ready, .running, .producing: return answeredCount > 0
      case .streaming(let stream):
        turns[index].phase = .producing
        request(.produce(id: turns[index].id, stream))
        return answeredCount > 0
      case .done:
        // The last word comes after what other connections have to say.
        if turns[index].closes, pendingCancellationCount > 0 { return answeredCount > 0 }
        answeredCount += 1
        requestByteCount -= turns[index].byteCount
        if let tag = turns[index].activates { activate(tag) }
        if turns[index].closes {
          close(with: nil)
          return true
        }
      }
    }
    return answeredCount > 0
  }
}

extension Work.Kind {
  /// Whether it is a statement that changes the connection.
  var isSetting: Bool {
    guard case .query(let question, _) = self else { return false }
    var bytes = question.text.utf8.makeIterator()
    var next = bytes.next()
    while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) { next = bytes.next() }
    for letter in "set".utf8 {
      guard let byte = next, byte | 0x20 == letter else { return false }
      next = bytes.next()
    }
    return next.map { !$0.isWordByte } ?? true
  }

  /// The kind of work without its bytes, which are no longer needed here.
  var withoutPayload: Work.Kind {
    guard case .insert(_, let options, let org, let isBody) = self else { return self }
    return .insert(payload: [], options: options, org: org, isBody: isBody)
  }
}

extension UInt8 {
  /// Whether it can stand in a word: a letter, a digit, `_`, or a part of what is not ASCII.
  fileprivate var isWordByte: Bool {
    self &- UInt8(ascii: "0") < 10 || (self | 0x20) &- UInt8(ascii: "a") < 26
      || self == UInt8(ascii: "_") || self >= 0x80
  }
}
