import Foundation
import Logging
import Synchronization
import Tally
import TallyClient
import TallyServer

/// A server on a free port, with a store of its own, and clients of it.
final class ClientFixture {
  private(set) var database: Database
  private(set) var server: Server
  let folder: URL
  private let configuration: ServerConfiguration

  init(_ change: (inout ServerConfiguration) -> Void = { _ in }) throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "tally-client-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var configuration = ServerConfiguration()
    configuration.port = 0
    change(&configuration)
    self.configuration = configuration
    (database, server) = try ClientFixture.start(folder, configuration)
  }

  deinit {
    server.shutDown(withinMilliseconds: 200)
    try? database.close()
    try? FileManager.default.removeItem(at: folder)
  }

  private static func start(
    _ folder: URL, _ configuration: ServerConfiguration
  ) throws -> (Database, Server) {
    let database = try Database.open(folder.appending(path: "usage.tally").path)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return (database, try Server.start(database, configuration: configuration, logger: logger))
  }

  /// Stops the server, and starts it again where it was.
  func restart() throws {
    var configuration = configuration
    configuration.port = server.port
    server.shutDown(withinMilliseconds: 100)
    try database.close()
    (database, server) = try ClientFixture.start(folder, configuration)
  }

  var port: Int { server.port }
  var connectionCount: Int { server.connectionCount }

  func client(_ change: (inout TallyClient.Configuration) -> Void = { _ in }) -> TallyClient {
    var configuration = TallyClient.Configuration(port: server.port)
    change(&configuration)
    return TallyClient(configuration)
  }

  /// Events with names and numbers of their own.
  func fill(rowCount: Int) throws {
    var sent = 0
    while sent < rowCount {
      let count = min(10_000, rowCount - sent)
      try database.append(
        (sent..<(sent + count)).map { number in
          Tally.Event(
            time: Timestamp(microsecondsSinceEpoch: 1_789_000_000_000_000 + Int64(number)),
            org: "acme", model: "model-\(number % 7)", tags: ["request": "request-\(number)"])
        }, acknowledgement: .memory)
      sent += count
    }
  }
}

/// Waits until `condition` holds; false after a minute.
func waits(for condition: () async throws -> Bool) async rethrows -> Bool {
  let end = ContinuousClock.now + .seconds(60)
  while ContinuousClock.now < end {
    if try await condition() { return true }
    try? await Task.sleep(for: .milliseconds(2))
  }
  return false
}

/// A number that tasks count up.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)

  func add(_ more: Int) { count.add(more, ordering: .sequentiallyConsistent) }
  var value: Int { count.load(ordering: .sequentiallyConsistent) }
}
