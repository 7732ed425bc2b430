internal import Dispatch
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization
internal import Tally
package import TallyBase
package import TallyServer
internal import TallyWire

/// The HTTP API of docs/http-api.md, beside the line protocol or alone. What it shares with it, the
/// database above all, is in the context.
///
///     let http = try HTTPServer.start(server.context, configuration: HTTPConfiguration())
///     ...
///     http.shutDown(withinMilliseconds: 10_000)
///     server.shutDown(withinMilliseconds: 10_000)
package final class HTTPServer: Service {
  private let context: HTTPContext
  private let group: MultiThreadedEventLoopGroup
  private let server: HummingbirdCore.Server<HTTPConnection>
  private let hasEnded: DispatchSemaphore
  private let hasStopped = Mutex(false)
  /// Where it listens.
  package let host: String
  package let port: Int

  private init(
    _ context: HTTPContext, _ group: MultiThreadedEventLoopGroup,
    _ server: HummingbirdCore.Server<HTTPConnection>, _ start: HTTPServerStart
  ) {
    self.context = context
    self.group = group
    self.server = server
    hasEnded = start.hasEnded
    host = start.address?.ipAddress ?? context.configuration.host
    port = start.address?.port ?? context.configuration.port
  }

  /// Begins to listen.
  ///
  /// - Throws: `io` if the address cannot be listened on.
  package static func start(
    _ shared: ServerContext, configuration: HTTPConfiguration
  ) throws(TallyError) -> HTTPServer {
    guard (0...65_535).contains(configuration.port) else {
      throw TallyError(.invalidArgument, "found port \(configuration.port), expected 0 to 65535")
    }
    let context = HTTPContext(shared, configuration)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: min(max(1, Machine.coreCount), 4))
    var logger = shared.logger
    // What the framework has to tell is told here already.
    logger.logLevel = max(logger.logLevel, .error)
    let start = HTTPServerStart()
    let server = HummingbirdCore.Server(
      childChannelSetup: HTTPConnection(context: context),
      configuration: HummingbirdCore.ServerConfiguration(
        address: .hostname(configuration.host, port: configuration.port), backlog: 1_024),
      onServerRunning: { start.succeed($0.localAddress) }, eventLoopGroup: group, logger: logger)
    Task(executorPreference: EventLoopExecutor(group.any())) {
      do { try await server.run() } catch { start.fail(error) }
      start.hasEnded.signal()
    }
    if let error = start.wait() {
      Shutdown.wait { queue, completion in
        group.shutdownGracefully(queue: queue, completion)
      }
      throw TallyError(
        .io, "listening on \(configuration.host):\(configuration.port) failed: \(error)",
        hint: "is another server there? --http names another address")
    }
    let running = HTTPServer(context, group, server, start)
    shared.logger.info("listening", metadata: ["http": "\(running.host):\(running.port)"])
    return running
  }

  /// Connections that are open.
  package var connectionCount: Int { context.connections.count }

  /// Queries that have not been answered to the end.
  package var queryCount: Int { context.queries.count }
  /// Streams of server-sent events that are open.
  package var streamCount: Int { context.streams.count }

  /// Once only: stops listening, answers what was asked, and closes; what is not done in time is
  /// stopped. Waits.
  package func shutDown(withinMilliseconds milliseconds: Int) {
    let isFirst = hasStopped.withLock { hasStopped in
      defer { hasStopped = true }
      return !hasStopped
    }
    guard isFirst else { return }
    context.stop()
    let server = server
    Task(executorPreference: EventLoopExecutor(group.any())) {
      try? await server.shutdownGracefully()
    }
    if hasEnded.wait(timeout: .now() + .milliseconds(milliseconds)) == .timedOut {
      context.queries.stopAll(WireError(.shutdown, "the server has stopped"))
      if hasEnded.wait(timeout: .now() + .milliseconds(200)) == .timedOut {
        context.connections.closeAll()
        _ = hasEnded.wait(timeout: .now() + .seconds(2))
      }
    }
    Shutdown.wait { queue, completion in
      group.shutdownGracefully(queue: queue, completion)
    }
    context.shared.logger.info("stopped", metadata: ["http": "\(host):\(port)"])
  }

  /// Serves until the group of services it is in stops.
  package func run() async throws {
    try? await gracefulShutdown()
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "tally.http.shutdown").async { [self] in
        shutDown(withinMilliseconds: 10_000)
        continuation.resume()
      }
    }
  }
}

/// How beginning to listen went, for the thread that waits for it.
private final class HTTPServerStart: Sendable {
  private let outcome = Mutex<Result<SocketAddress?, any Error>?>(nil)
  private let isDecided = DispatchSemaphore(value: 0)
  let hasEnded = DispatchSemaphore(value: 0)

  func succeed(_ address: SocketAddress?) { decide(.success(address)) }
  func fail(_ error: any Error) { decide(.failure(error)) }

  private func decide(_ result: Result<SocketAddress?, any Error>) {
    let isFirst = outcome.withLock { outcome in
      guard outcome == nil else { return false }
      outcome = result
      return true
    }
    if isFirst { isDecided.signal() }
  }

  /// Why it failed; nil: it listens.
  func wait() -> (any Error)? {
    isDecided.wait()
    if case .failure(let error)? = outcome.withLock({ $0 }) { return error }
    return nil
  }

  var address: SocketAddress? {
    if case .success(let address)? = outcome.withLock({ $0 }) { return address }
    return nil
  }
}
