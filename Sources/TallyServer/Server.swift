package import Logging
internal import NIOCore
internal import NIOPosix
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
  package static func check(_ configuration: ServerConfiguration) throws(TallyError) {
    guard (0...65_535).contains(configuration.port) else {
      throw TallyError(
        .invalidArgument, "found port \(configuration.port), expected 0 to 65535")
    }
    guard configuration.isLoopback || configuration.isInsecure else {
      throw TallyError(
        .invalidArgument,
        "listening on \(configuration.host) needs TLS, which is not there yet; "
          + "127.0.0.1 was expected",
        hint: "--insecure lets anyone who reaches the port read and write")
    }
  }

  /// Begins to listen. The database stays the caller's, who closes it after ``shutDown``.
  ///
  /// - Throws: `invalidArgument` if the configuration is not allowed; `io` if the address cannot be
  ///   listened on.
  package static func start(
    _ database: Database, configuration: ServerConfiguration,
    authenticator: (any Authenticator)? = nil, logger: Logger
  ) throws(TallyError) -> Server {
    try check(configuration)
    let context = ServerContext(
      database: database, configuration: configuration, authenticator: authenticator,
      logger: logger)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: min(max(1, Machine.coreCount), 8))
    do {
      let listener = try bootstrap(context, group)
        .bind(host: configuration.host, port: configuration.port).wait()
      let server = Server(context, group, listener)
      if let authenticator {
        group.next().scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
          context.runner.runAside { authenticator.follow() }
        }
      }
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
          try channel.pipeline.syncOperations.addHandler(ConnectionHandler(server: context))
        }
      }
  }

  /// Connections that are open.
  package var connectionCount: Int { context.registry.count }

  /// Once only: stops listening, answers what was asked, and closes; what is not done in time is
  /// stopped.
  package func shutDown(withinMilliseconds milliseconds: Int) {
    let isFirst = hasStopped.withLock { hasStopped in
      defer { hasStopped = true }
      return !hasStopped
    }
    guard isFirst else { return }
    context.logger.info("stopping", metadata: ["within_ms": "\(milliseconds)"])
    try? listener.close().wait()
    for entry in context.registry.entries { entry.drain(milliseconds) }
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
