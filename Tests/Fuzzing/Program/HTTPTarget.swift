import Logging
import Tally
import TallyBase
import TallyHTTP
import TallyServer
import TallyTestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A whole HTTP server in this process: the bytes are one connection to it, read to its end.
final class HTTPTarget: FuzzTarget {
  private let database: Database
  private let server: Server
  private let http: HTTPServer

  init() {
    do {
      let folder = "/tmp/tally-fuzz-\(getpid())"
      database = try Database.open(folder)
      try database.append([
        Event(time: .now, org: "acme", model: "gpt-5", inputTokens: 812, outputTokens: 90)
      ])
      var logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
      logger.logLevel = .critical
      var configuration = TallyServer.ServerConfiguration()
      configuration.port = 0
      configuration.connection.timeoutMilliseconds = 1_000
      server = try Server.start(database, configuration: configuration, logger: logger)
      var door = HTTPConfiguration()
      door.port = 0
      door.lingerMilliseconds = 1
      http = try HTTPServer.start(server.context, configuration: door)
    } catch {
      preconditionFailure("\(error)")
    }
  }

  func take(_ bytes: [UInt8]) {
    guard let client = try? LineClient(port: http.port) else {
      preconditionFailure("the server takes no connections any more")
    }
    // It may be closed from there before all is sent.
    try? client.send(bytes)
    client.closeSending()
    guard let answer = try? client.rest() else { return }
    precondition(
      answer.isEmpty || answer.hasPrefix("HTTP/1."), "found an answer that is none of HTTP")
  }
}
