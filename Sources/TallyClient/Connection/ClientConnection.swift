internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization
internal import TallyWire

/// One connection to a server, greeted and accepted.
final class ClientConnection: Sendable {
  /// What another connection needs to stop this one's queries.
  struct Identity: Hashable, Sendable {
    var number: UInt64
    var key: String
  }

  private struct State {
    var identity: Identity?
    var requestCount: UInt64 = 0
    var isRetired = false
    /// Names of prepared statements by their text.
    var statements: [String: String] = [:]
  }

  /// Statements that are kept prepared; the server keeps 256.
  private static let statementCountMax = 64

  let configuration: TallyClient.Configuration
  private let channel: any Channel
  private let handler: NIOLoopBound<ClientHandler>
  private let state = Mutex(State())

  private init(
    _ configuration: TallyClient.Configuration, _ channel: any Channel,
    _ handler: NIOLoopBound<ClientHandler>
  ) {
    self.configuration = configuration
    self.channel = channel
    self.handler = handler
  }

  // MARK: Opening

  /// Connects, and unless `isBare` greets the server and shows the token.
  static func open(
    _ configuration: TallyClient.Configuration, isBare: Bool = false
  ) async throws(TallyClientError) -> ClientConnection {
    let connection = try await connect(configuration)
    if isBare { return connection }
    do throws(TallyClientError) {
      try await connection.greet()
    } catch {
      connection.close()
      throw error
    }
    return connection
  }

  private static func connect(
    _ configuration: TallyClient.Configuration
  ) async throws(TallyClientError) -> ClientConnection {
    let retired = RetirementBox()
    do {
      let security = try configuration.tls.map {
        try TLSContext.make($0, host: configuration.host)
      }
      let timeout = TimeAmount(configuration.connectTimeout)
      let (channel, handler) = try await ClientBootstrap(
        group: MultiThreadedEventLoopGroup.singleton
      )
      .connectTimeout(timeout)
      .channelOption(.autoRead, value: false)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .connect(host: configuration.host, port: configuration.port) { channel in
        channel.eventLoop.makeCompletedFuture {
          if let security {
            try channel.pipeline.syncOperations.addHandler(security.makeHandler())
          }
          let handler = ClientHandler { retired.retire() }
          try channel.pipeline.syncOperations.addHandler(handler)
          return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
        }
      }
      let connection = ClientConnection(configuration, channel, handler)
      retired.attach(connection)
      return connection
    } catch {
      throw TallyClientError(
        .connect, "connecting to \(configuration.host):\(configuration.port) failed: \(error)",
        isRetryable: true)
    }
  }

  private func greet() async throws(TallyClientError) {
    var hello = Command.Hello(version: 1)
    hello.client = "tally-swift/0.1"
    let timeout = TimeAmount(configuration.connectTimeout)
    let answer = try await ask(.hello(hello), timeout: timeout).last
    if let number = answer.fields["conn"].flatMap({ UInt64($0) }), let key = answer.fields["key"] {
      state.withLock { $0.identity = Identity(number: number, key: key) }
    }
    if let token = configuration.token { try await show(token, timeout) }
    if let org = configuration.org { _ = try await ask(.use(org: org), timeout: timeout) }
  }

  private func show(_ token: String, _ timeout: TimeAmount) async throws(TallyClientError) {
    guard configuration.tls != nil || channel.remoteAddress?.isThisMachine == true else {
      throw TallyClientError(
        .tlsRequired, "a token would be sent in plain text to \(configuration.host)")
    }
    _ = try await ask(.auth(token: token), timeout: timeout)
  }

  // MARK: Facts

  /// Whether it may be given to another request.
  var isUsable: Bool { channel.isActive && !state.withLock { $0.isRetired } }

  var identity: Identity? { state.withLock { $0.identity } }

  /// Called once, when it has ended.
  func whenClosed(_ body: @escaping @Sendable () -> Void) {
    channel.closeFuture.whenComplete { _ in body() }
  }

  // MARK: Requests

  /// Asks something that is answered by one line.
  func ask(
    _ command: Command, timeout: TimeAmount? = nil
  ) async throws(TallyClientError) -> Answer {
    let sink = AnswerSink()
    send(command, to: sink, timeout: timeout ?? TimeAmount(configuration.replyTimeout))
    return try await sink.answer.get()
  }

  /// Sends a request and returns its tag.
  ///
  /// - Parameter timeout: for each reply; nil: for ever, and no result is the last one.
  @discardableResult
  func send(_ command: Command, to sink: any ReplySink, timeout: TimeAmount?) -> String {
    let number = state.withLock { state -> UInt64 in
      state.requestCount &+= 1
      return state.requestCount
    }
    let tag = "r\(number)"
    var bytes: [UInt8] = []
    Request(tag: tag, command).encode(into: &bytes)
    let buffer = ByteBuffer(bytes: bytes)
    let handler = handler
    channel.eventLoop.execute {
      handler.value.send(buffer, tag: tag, sink: sink, timeout: timeout)
    }
    return tag
  }

  /// The name under which a statement is prepared, and whether it has yet to be sent.
  func statementName(_ text: String) -> (name: String, isNew: Bool) {
    state.withLock { state in
      if let name = state.statements[text] { return (name, false) }
      if state.statements.count == ClientConnection.statementCountMax { state.statements = [:] }
      let name = "s\(state.statements.count)"
      state.statements[text] = name
      return (name, true)
    }
  }

  func forgetStatement(_ text: String) {
    state.withLock { state in
      // The others keep their names: a name is given once until all are forgotten.
      if state.statements[text] != nil { state.statements = [:] }
    }
  }

  /// Asks the server over another connection to stop a query of this one. The key is the
  /// permission.
  func cancel(tag: String) {
    guard let identity else { return }
    let configuration = configuration
    Task {
      var cancellation = Command.Cancellation()
      cancellation.connection = identity.number
      cancellation.key = identity.key
      cancellation.tag = tag
      // If it fails, the connection of the query is closed after a while, which stops it too.
      guard let other = try? await ClientConnection.open(configuration, isBare: true) else {
        return
      }
      _ = try? await other.ask(.cancel(cancellation))
      other.close()
    }
  }

  /// Reads again after a sink was full.
  func resume() {
    let handler = handler
    channel.eventLoop.execute { handler.value.resume() }
  }

  /// Gives it to no further request.
  func retire() { state.withLock { $0.isRetired = true } }

  func close(_ error: TallyClientError = .closedClient) {
    retire()
    let handler = handler
    channel.eventLoop.execute { handler.value.end(error) }
  }

  /// Closes it unless `condition` has come true within `timeout`.
  func close(after timeout: Duration, unless condition: @escaping @Sendable () -> Bool) {
    _ = channel.eventLoop.scheduleTask(in: TimeAmount(timeout)) { [self] in
      if !condition() { close() }
    }
  }
}

/// Tells a connection that is not made yet that the server takes no more.
private final class RetirementBox: Sendable {
  private let state = Mutex<(isRetired: Bool, connection: ClientConnection?)>((false, nil))

  func attach(_ connection: ClientConnection) {
    let isRetired = state.withLock { state in
      state.connection = connection
      return state.isRetired
    }
    if isRetired { connection.retire() }
    connection.whenClosed { [self] in state.withLock { $0.connection = nil } }
  }

  func retire() {
    let connection = state.withLock { state in
      state.isRetired = true
      return state.connection
    }
    connection?.retire()
  }
}
