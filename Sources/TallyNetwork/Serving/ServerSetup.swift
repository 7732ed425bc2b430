import ArgumentParser
import Logging
import SystemPackage
import Tally
import TallyAuth
import TallyBase
import TallyFile
import TallyHTTP
import TallyServer

/// What the settings of a server mean.
struct ServerSetup {
  private static let pemByteCountMax = 1 << 20

  let settings: ServeSettings
  let directory: String
  var server: ServerConfiguration
  var database = Database.Options()
  var access = AccessGate.Options()
  /// Nil: HTTP is not served.
  var http: HTTPConfiguration?
  let shutdownMilliseconds: Int

  /// - Throws: `ValidationError` for addresses that are none; `io` and `invalidInput` for files of
  ///   TLS that cannot be used.
  init(_ settings: ServeSettings) throws {
    self.settings = settings
    directory = settings["db"].text
    shutdownMilliseconds = settings.number("shutdown-seconds") * 1_000
    guard let listen = try settings.address("listen") else {
      throw settings["listen"].problem("a host and a port: 127.0.0.1:6480")
    }
    server = ServerConfiguration()
    server.host = listen.host
    server.port = listen.port
    server.tls = try ServerSetup.material(settings)
    server.isInsecure = settings.truth("insecure")
    server.connectionCountMax = settings.number("connections")
    server.queryCountMax = settings.number("queries")
    server.replyCacheByteCountMax = settings.number("reply-cache") << 20
    server.rowCountMax = settings.number("max-rows")
    server.connection.timeoutMilliseconds = settings.number("timeout") * 1_000
    if let address = try settings.address("http") {
      var http = HTTPConfiguration()
      http.host = address.host
      http.port = address.port
      http.connectionCountMax = server.connectionCountMax
      if let tls = server.tls { http.tlsContext = { tls.context(.http) } }
      self.http = http
    }
    database.access = settings.truth("read-only") ? .readOnly : .readWrite
    database.queryMemoryByteCountMax = settings.number("query-memory") << 20
    access.rates.user = RateLimit(
      perMinute: settings.number("rate-user"), burst: settings.number("rate-user-burst"))
    access.rates.org = RateLimit(
      perMinute: settings.number("rate-org"), burst: settings.number("rate-org-burst"))
  }

  private static func material(_ settings: ServeSettings) throws -> TLSMaterial? {
    switch (settings.text("tls-cert"), settings.text("tls-key")) {
    case (nil, nil): return nil
    case (let certificate?, let key?):
      return try TLSMaterial { () throws(TallyError) in
        let files = PosixFileSystem()
        return TLSMaterial.Files(
          certificate: try files.readFile(FilePath(certificate), byteCountMax: pemByteCountMax),
          key: try files.readFile(FilePath(key), byteCountMax: pemByteCountMax))
      }
    case (nil, _): throw incomplete(settings["tls-key"], "tls-cert")
    case (_, nil): throw incomplete(settings["tls-cert"], "tls-key")
    }
  }

  private static func incomplete(
    _ given: ServeSettings.Resolved, _ missing: String
  ) -> ValidationError {
    ValidationError(
      "found \(given.setting.name) (from \(given.origin)) without \(missing), expected both: "
        + "--\(missing) names the other file")
  }

  /// Whether the store has a token that works.
  var hasTokens: Bool {
    get throws(TallyError) {
      try AccessGate.hasTokens(storeDirectory: FilePath(directory), fileSystem: PosixFileSystem())
    }
  }

  /// - Throws: `invalidArgument` if it may not listen so.
  func check() throws(TallyError) {
    let hasTokens = try hasTokens
    try Server.check(server, hasTokens: hasTokens)
    guard let http else { return }
    try ListenRule.check(
      host: http.host, hasTLS: server.tls != nil, hasTokens: hasTokens,
      isInsecure: server.isInsecure)
  }

  var logger: Logger {
    let isJSON = settings.text("log-format") == "json"
    var logger = Logger(label: "tally") { label in
      let handler: any LogHandler =
        isJSON ? JSONLogHandler() : StreamLogHandler.standardError(label: label)
      return handler
    }
    logger.logLevel = settings.text("log-level").flatMap { Logger.Level(rawValue: $0) } ?? .info
    return logger
  }
}
