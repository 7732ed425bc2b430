import Logging
import ServiceLifecycle
import Tally
import TallyBase
import TallyHTTP
import TallyServer
import TallyTerminal
import UnixSignals

/// A store that is served until a signal ends it.
struct RunningServer {
  let setup: ServerSetup
  let logger: Logger

  /// Returns once everything is closed.
  func run() throws {
    let database = try Database.openStore(setup.directory, options: setup.database)
    do {
      try serve(database)
    } catch {
      try? database.closeStore()
      throw error
    }
    try database.closeStore()
  }

  private func serve(_ database: Database) throws {
    let access = try StoreAccess.open(setup.directory, options: setup.access, logger: logger)
    defer { try? access.close() }
    let server = try Server.start(
      database, configuration: setup.server, authenticator: access, logger: logger)
    // Whatever ends the group: nothing is left that uses the store.
    defer { server.shutDown(withinMilliseconds: 0) }
    let http = try setup.http.map { try HTTPServer.start(server.context, configuration: $0) }
    defer { http?.shutDown(withinMilliseconds: 0) }
    let listeners = ListenerService(
      server: server, http: http, milliseconds: setup.shutdownMilliseconds)
    if let failure = RunningServer.wait(for: listeners, logger) { throw failure }
  }

  /// Runs the services until they have ended.
  private static func wait(for listeners: ListenerService, _ logger: Logger) -> (any Error)? {
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    return Shutdown.outcome { [quiet] in
      // Before anybody is told that it is ready: from then on a signal must not be missed.
      let hangUps = await UnixSignalsSequence(trapping: .sighup)
      let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
          services: [
            .init(service: listeners), .init(service: ReloadService(listeners, hangUps)),
          ], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
      try await group.run()
    }
  }
}

/// What listens, until the group of services is told to stop.
struct ListenerService: Service {
  let server: Server
  let http: HTTPServer?
  let milliseconds: Int

  func run() async throws {
    let output = OutputBuffer.standardOutput()
    try output.write("listening on \(server.host):\(server.port)\n")
    if let http { try output.write("http on \(http.host):\(http.port)\n") }
    try output.flush()
    ServiceManager.notify("READY=1")
    try? await gracefulShutdown()
    ServiceManager.notify("STOPPING=1")
    // A second signal ends the process at once.
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let impatience = Task {
      for await signal in signals { StopSignal.end(isInterrupt: signal == .sigint) }
    }
    defer { impatience.cancel() }
    await Shutdown.aside { stop() }
  }

  /// HTTP works on the threads of the other, which therefore ends last.
  private func stop() {
    let start = ContinuousClock.now
    server.drain(withinMilliseconds: milliseconds)
    http?.shutDown(withinMilliseconds: milliseconds)
    let spent = Int(start.duration(to: .now) / .milliseconds(1))
    server.shutDown(withinMilliseconds: max(100, milliseconds - spent))
  }
}

/// Looks at tokens and certificate when the process is told to (SIGHUP).
struct ReloadService: Service {
  private let listeners: ListenerService
  private let hangUps: UnixSignalsSequence

  init(_ listeners: ListenerService, _ hangUps: UnixSignalsSequence) {
    self.listeners = listeners
    self.hangUps = hangUps
  }

  func run() async throws {
    for await _ in hangUps.cancelOnGracefulShutdown() { listeners.server.reload() }
  }
}
