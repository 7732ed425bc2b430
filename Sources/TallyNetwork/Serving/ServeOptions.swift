import ArgumentParser
import Configuration
import TallyTerminal

/// The options of `tally serve`, as far as they are given.
struct ServeOptions: ParsableArguments {
  @OptionGroup var database: DatabaseOptions

  @Option(
    help: ArgumentHelp(
      "Where to listen (default: 127.0.0.1:6480); port 0 is any that is free.",
      valueName: "host:port"))
  var listen: String?

  @Option(
    help: ArgumentHelp(
      "Where to serve HTTP (default: 127.0.0.1:6481), or 'none'.", valueName: "host:port"))
  var http: String?

  @Option(help: ArgumentHelp("The certificate for TLS, in PEM.", valueName: "file"))
  var tlsCert: String?

  @Option(help: ArgumentHelp("Its key, in PEM without a password.", valueName: "file"))
  var tlsKey: String?

  @Flag(help: "Listen beyond this machine though TLS or tokens are missing.")
  var insecure = false

  @Flag(help: "Only answer queries; another process may write meanwhile.")
  var readOnly = false

  @Option(help: ArgumentHelp("Connections at once (default: 4096).", valueName: "n"))
  var connections: Int?

  @Option(help: ArgumentHelp("Queries that run at once (default: 4).", valueName: "n"))
  var queries: Int?

  @Option(help: ArgumentHelp("Memory of one query, in MiB (default: 256).", valueName: "n"))
  var queryMemory: Int?

  @Option(
    help: ArgumentHelp(
      "Memory of replies that are given again while nothing has changed, in MiB (default: 32).",
      valueName: "n"))
  var replyCache: Int?

  @Option(help: ArgumentHelp("Longest time of a query, in seconds (default: 300).", valueName: "n"))
  var timeout: Int?

  @Option(help: ArgumentHelp("Rows of one result (default: 0, no limit).", valueName: "n"))
  var maxRows: Int?

  @Option(help: ArgumentHelp("Questions of one user in a minute (default: 100).", valueName: "n"))
  var rateUser: Int?

  @Option(help: ArgumentHelp("Questions of one user at once (default: 20).", valueName: "n"))
  var rateUserBurst: Int?

  @Option(help: ArgumentHelp("Questions of one org in a minute (default: 1000).", valueName: "n"))
  var rateOrg: Int?

  @Option(help: ArgumentHelp("Questions of one org at once (default: 200).", valueName: "n"))
  var rateOrgBurst: Int?

  @Option(help: ArgumentHelp("Seconds that stopping may take (default: 10).", valueName: "n"))
  var shutdownSeconds: Int?

  @Option(
    help: "What is logged: trace, debug, info, notice, warning or error (default: info).")
  var logLevel: String?

  @Option(help: "How: text or json, one line an event (default: text).")
  var logFormat: String?

  /// What is given, by the names of settings.
  var values: [String: ConfigContent] {
    let texts = [
      "db": database.path, "listen": listen, "http": http, "tls-cert": tlsCert,
      "tls-key": tlsKey, "log-level": logLevel, "log-format": logFormat,
    ]
    let numbers = [
      "connections": connections, "queries": queries, "query-memory": queryMemory,
      "reply-cache": replyCache, "timeout": timeout, "max-rows": maxRows, "rate-user": rateUser,
      "rate-user-burst": rateUserBurst, "rate-org": rateOrg, "rate-org-burst": rateOrgBurst,
      "shutdown-seconds": shutdownSeconds,
    ]
    var values = texts.compactMapValues { $0.map { ConfigContent.string($0) } }
    values.merge(numbers.compactMapValues { $0.map { .int($0) } }) { first, _ in first }
    if insecure { values["insecure"] = .bool(true) }
    if readOnly { values["read-only"] = .bool(true) }
    return values
  }
}
