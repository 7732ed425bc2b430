package import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization
package import Tally
package import TallyBase

/// A database that listens: the line protocol of docs/wire-protocol.md over TCP.
///
///     let server = try Server.start(database, configuration: ServerConfiguration())
///     ...
///     server.shutDown(withinMilliseconds: 10_000)
///     try database.close()
package final class Server: Sendable {
  /// What a server of HTTP beside this one shares; it must be shut down before.
  package let context: ServerContext
  private let group: MultiThreadedEventLoopGroup
  private let listener: any Channel
  private let isDraining = Mutex(false)
  private let hasStopped = Mutex(false)
  /// Where it listens.
  package let host: String
  package let port: Int

  private init(
    _ context: ServerContext, _ group: MultiThreadedEventLoopGroup, _ listener: any Channel
  ) {
    self.context = context
    self.group = group
    self.listener = listener
    host = listener.localAddress?.ipAddress ?? context.configuration.host
    port = listener.localAddress?.port ?? context.configuration.port
  }

  /// Whether a server may listen so.
  ///
  /// - Throws: `invalidArgument`.
  package static func check(
    _ configuration: ServerConfiguration, hasTokens: Bool
  ) throws(TallyError) {
    guard (0...65_535).contains(configuration.port) else {
      throw TallyError(
        .invalidArgument, "found port \(configuration.port), expected 0 to 65535")
    }
    try ListenRule.check(
      host: configuration.host, hasTLS: configuration.tls != nil, hasTokens: hasTokens,
      isInsecure: configuration.isInsecure)
  }

  /// Begins to listen. The database stays the caller's, who closes it after ``shutDown``.
  ///
  /// - Throws: `invalidArgument` if the configuration is not allowed; `io` if the address cannot be
  ///   listened on.
  package static func start(
    _ database: Database, configuration: ServerConfiguration,
    authenticator: (any Authenticator)? = nil, logger: Logger
  ) throws(TallyError) -> Server {
    try check(configuration, hasTokens: authenticator?.isRequired == true)
    let context = ServerContext(
      database: database, configuration: configuration, authenticator: authenticator,
      logger: logger)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: min(max(1, Machine.coreCount), 8))
    do {
      let listener = try bootstrap(context, group)
        .bind(host: configuration.host, port: configuration.port).wait()
      let server = Server(context, group, listener)
      server.followChanges()
      logger.info("listening", metadata: ["address": "\(server.host):\(server.port)"])
      return server
    } catch {
      context.runner.shutDown()
      Shutdown.wait { queue, completion in
        group.shutdownGracefully(queue: queue, completion)
      }
      throw TallyError(
        .io, "listening on \(configuration.host):\(configuration.port) failed: \(error)",
        hint: "is another server there? --listen names another address")
    }
  }

  private static func bootstrap(
    _ context: ServerContext, _ group: MultiThreadedEventLoopGroup
  ) -> ServerBootstrap {
    ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1_024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(
        .writeBufferWaterMark, value: .init(low: 256 << 10, high: 1 << 20)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls = context.configuration.tls {
            try pipeline.addHandler(NIOSSLServerHandler(context: tls.context(.line)))
            try pipeline.addHandler(
              TLSHandshakeGuard(
                milliseconds: context.configuration.connection.handshakeMilliseconds,
                logger: context.logger))
          }
          try pipeline.addHandler(ConnectionHandler(server: context))
        }
      }
  }

  // MARK: Changes

  /// How often files are looked at.
  private static let followSeconds = (tokens: Int64(1), certificate: Int64(5))

  private func followChanges() {
    let context = context
    if let access = context.access {
      let delay = TimeAmount.seconds(Server.followSeconds.tokens)
      group.next().scheduleRepeatedTask(initialDelay: delay, delay: delay) { _ in
        context.runner.runAside { access.follow() }
      }
    }
    if context.configuration.tls != nil {
      let delay = TimeAmount.seconds(Server.followSeconds.certificate)
      group.next().scheduleRepeatedTask(initialDelay: delay, delay: delay) { _ in
        context.runner.runAside { context.followCertificate() }
      }
    }
  }

  /// Looks at tokens, certificate and key at once.
  package func reload() {
    let context = context
    context.runner.runAside {
      context.access?.follow()
      context.followCertificate()
      context.logger.info("reloaded")
    }
  }

  /// Connections that are open.
  package var connectionCount: Int { context.registry.count }

  private static func isFirst(_ flag: borrowing Mutex<Bool>) -> Bool {
    flag.withLock { flag in
      defer { flag = true }
      return !flag
    }
  }

  /// Once only, before ``shutDown(withinMilliseconds:)``: stops listening, and lets connections end
  /// with what they have asked.
  package func drain(withinMilliseconds milliseconds: Int) {
    guard Server.isFirst(isDraining) else { return }
    context.logger.info("stopping", metadata: ["within_ms": "\(milliseconds)"])
    try? listener.close().wait()
    for entry in context.registry.entries { entry.drain(milliseconds) }
  }

  /// Once only: stops listening, answers what was asked, and closes; what is not done in time is
  /// stopped.
  package func shutDown(withinMilliseconds milliseconds: Int) {
    guard Server.isFirst(hasStopped) else { return }
    drain(withinMilliseconds: milliseconds)
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    while context.registry.count > 0, ContinuousClock.now < deadline {
      // Connections end on threads of their own; there is nothing to wait on but their number.
      try? group.next().scheduleTask(in: .milliseconds(5)) {}.futureResult.wait()
    }
    for entry in context.registry.entries { entry.close() }
    context.runner.shutDown()
    Shutdown.wait { queue, completion in
      group.shutdownGracefully(queue: queue, completion)
    }
    context.logger.info("stopped")
  }
}
