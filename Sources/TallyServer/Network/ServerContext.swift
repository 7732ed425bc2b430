package import Logging
package import Tally
internal import TallyWire

/// What all connections of a server share, those of the line protocol and those of HTTP.
package final class ServerContext: Sendable {
  package let configuration: ServerConfiguration
  package let authenticator: (any Authenticator)?
  package let logger: Logger
  let registry = ConnectionRegistry()
  package let runner: WorkRunner
  private let start = ContinuousClock.now

  package init(
    database: Database, configuration: ServerConfiguration,
    authenticator: (any Authenticator)?, logger: Logger
  ) {
    self.configuration = configuration
    self.authenticator = authenticator
    self.logger = logger
    runner = WorkRunner(database: database, configuration: configuration)
  }

  /// Facts about the server for those who may see them.
  var statusFields: [WireField] {
    [
      WireField("uptime_s", "\(start.duration(to: .now).components.seconds)"),
      WireField("connections", "\(registry.count)"),
      WireField("queries_running", "\(runner.queries.runningCount)"),
      WireField("queries_queued", "\(runner.queries.waitingCount)"),
      WireField("inserts_running", "\(runner.inserts.runningCount)"),
    ]
  }
}
