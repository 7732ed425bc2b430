import ArgumentParser
import Logging
import Tally
import TallyAuth
import TallyBase
import TallyHTTP
import TallyServer
import TallyTerminal

/// `tally serve`: answers services over the line protocol until it is told to stop.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Take events and answer queries over TCP (docs/wire-protocol.md).",
    discussion: """
      SIGTERM and SIGINT stop it: what was asked is answered, what was sent is written.

        tally serve --db usage.tally
        printf 'query count(*)\\nquit\\n' | nc 127.0.0.1 6480
      """)

  @OptionGroup var database: DatabaseOptions

  @Option(
    help: ArgumentHelp("Where to listen; port 0 is any that is free.", valueName: "host:port"))
  var listen = "127.0.0.1:6480"

  @Option(
    help: ArgumentHelp("Where HTTP is answered, or none.", valueName: "host:port|none"))
  var http = "127.0.0.1:6481"

  @Flag(help: "Listen beyond loopback though anyone who reaches the port may read and write.")
  var insecure = false

  @Flag(help: "Check the options and the store, then end without listening.")
  var check = false

  @Flag(help: "Only answer queries; another process may write meanwhile.")
  var readOnly = false

  @Option(help: ArgumentHelp("Queries that run at once.", valueName: "n"))
  var queries = 4

  @Option(help: ArgumentHelp("Memory of one query, in MiB.", valueName: "n"))
  var queryMemory = 256

  @Option(
    help: ArgumentHelp(
      "Memory of replies that are given again while nothing has changed, in MiB; 0: none.",
      valueName: "n"))
  var replyCache = 32

  @Option(help: ArgumentHelp("Longest time of a query, in seconds.", valueName: "n"))
  var timeout = 300

  @Option(help: ArgumentHelp("Rows of one result; 0: no limit.", valueName: "n"))
  var maxRows = 0

  @Option(help: ArgumentHelp("Seconds that stopping may take.", valueName: "n"))
  var shutdownSeconds = 10

  @Option(help: "What is logged: trace, debug, info, warning or error.")
  var logLevel = "info"

  func validate() throws {
    try ServeCommand.check("--queries", queries, 1...1_024)
    try ServeCommand.check("--query-memory", queryMemory, 1...1_048_576)
    try ServeCommand.check("--reply-cache", replyCache, 0...1_048_576)
    try ServeCommand.check("--timeout", timeout, 1...86_400)
    try ServeCommand.check("--max-rows", maxRows, 0...Int.max)
    try ServeCommand.check("--shutdown-seconds", shutdownSeconds, 0...3_600)
    guard Logger.Level(rawValue: logLevel) != nil else {
      throw ValidationError(
        "found --log-level \(logLevel), expected trace, debug, info, warning or error")
    }
  }

  private static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
    guard !range.contains(value) else { return }
    let end = range.upperBound == .max ? "or more" : "to \(range.upperBound)"
    throw ValidationError("found \(name) \(value), expected \(range.lowerBound) \(end)")
  }

  func run() throws {
    let configuration = try serverConfiguration()
    try Server.check(configuration)
    var options = Database.Options()
    options.access = readOnly ? .readOnly : .readWrite
    options.queryMemoryByteCountMax = queryMemory << 20
    // Before any thread begins: all inherit that stop signals are blocked.
    StopSignal.block()
    let database = try Database.openStore(self.database.directory, options: options)
    guard !check else {
      try database.closeStore()
      return
    }
    var logger = Logger(label: "tally") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info
    let access: AccessFollower
    let server: Server
    do {
      access = try StoreAccess.open(
        self.database.directory, options: AccessGate.Options(), logger: logger)
      server = try Server.start(
        database, configuration: configuration, authenticator: access, logger: logger)
    } catch {
      try? database.closeStore()
      throw error
    }
    let httpServer: HTTPServer?
    do {
      httpServer = try httpConfiguration().map {
        try HTTPServer.start(server.context, configuration: $0)
      }
    } catch {
      server.shutDown(withinMilliseconds: 0)
      try? access.close()
      try? database.closeStore()
      throw error
    }
    let output = OutputBuffer.standardOutput()
    try output.write("listening on \(server.host):\(server.port)\n")
    if let httpServer { try output.write("http on \(httpServer.host):\(httpServer.port)\n") }
    try output.flush()
    StopSignal.wait()
    httpServer?.shutDown(withinMilliseconds: shutdownSeconds * 1_000)
    server.shutDown(withinMilliseconds: shutdownSeconds * 1_000)
    try? access.close()
    try database.closeStore()
  }

  private static func address(_ option: String, _ text: String) throws -> (String, Int) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...])
    else {
      throw ValidationError(
        "found \(option) \(text), expected a host and a port: 127.0.0.1:6480")
    }
    return (String(text[..<colon].filter { $0 != "[" && $0 != "]" }), port)
  }

  /// Nil: HTTP is not served.
  private func httpConfiguration() throws -> HTTPConfiguration? {
    guard http != "none" else { return nil }
    var configuration = HTTPConfiguration()
    (configuration.host, configuration.port) = try ServeCommand.address("--http", http)
    guard configuration.isLoopback || insecure else {
      throw ValidationError("serving HTTP on \(configuration.host) needs --insecure")
    }
    return configuration
  }

  private func serverConfiguration() throws -> ServerConfiguration {
    var configuration = ServerConfiguration()
    (configuration.host, configuration.port) = try ServeCommand.address("--listen", listen)
    configuration.isInsecure = insecure
    configuration.queryCountMax = queries
    configuration.rowCountMax = maxRows
    configuration.replyCacheByteCountMax = replyCache << 20
    configuration.connection.timeoutMilliseconds = timeout * 1_000
    return configuration
  }
}
