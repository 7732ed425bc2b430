package import Logging
package import Tally
internal import TallyBase
internal import TallyWire

/// What all connections of a server share, those of the line protocol and those of HTTP.
package final class ServerContext: Sendable {
  package let configuration: ServerConfiguration
  /// Who knows the tokens, whether or not there are any yet.
  package let access: (any Authenticator)?
  package let audit: RequestAudit
  package let logger: Logger
  let registry = ConnectionRegistry()
  let memory: RequestMemory
  package let runner: WorkRunner
  private let start = ContinuousClock.now

  package init(
    database: Database, configuration: ServerConfiguration,
    authenticator: (any Authenticator)?, logger: Logger
  ) {
    self.configuration = configuration
    access = authenticator
    audit = RequestAudit(authenticator)
    self.logger = logger
    memory = RequestMemory(
      byteCountMax: configuration.heldByteCountMax,
      patienceMilliseconds: configuration.heldMilliseconds)
    runner = WorkRunner(database: database, configuration: configuration, audit: audit)
  }

  /// Nil while nobody is asked for a token.
  package var authenticator: (any Authenticator)? { access?.isRequired == true ? access : nil }

  /// Uses another certificate, if there is one. May wait for the disk.
  func followCertificate() {
    guard let tls = configuration.tls else { return }
    do throws(TallyError) {
      if try tls.reload() { logger.notice("the TLS certificate was replaced") }
    } catch {
      logger.error(
        "the TLS certificate could not be replaced, the old one stays",
        metadata: ["reason": "\(error.message)"])
    }
  }

  /// Connections of the line protocol that are open.
  package var connectionCount: Int { registry.count }

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
