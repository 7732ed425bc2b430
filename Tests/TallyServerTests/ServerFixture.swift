import Dispatch
import Foundation
import Logging
import Tally
import TallyServer
import TallyTestSupport

/// A server on a free port, with a store of its own.
final class ServerFixture {
  let database: Database
  let server: Server
  let folder: URL

  init(
    _ change: (inout ServerConfiguration) -> Void = { _ in },
    authenticator: (any Authenticator)? = nil, database: Database? = nil, folder: URL? = nil,
    log: CapturedLog? = nil
  ) throws {
    self.folder =
      folder
      ?? FileManager.default.temporaryDirectory
      .appending(path: "tally-server-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    let database = try database ?? Database.open(self.folder.appending(path: "usage.tally").path)
    self.database = database
    var configuration = ServerConfiguration()
    configuration.port = 0
    change(&configuration)
    let handler: any LogHandler = log ?? SwiftLogNoOpLogHandler()
    var logger = Logger(label: "test") { _ in handler }
    logger.logLevel = log == nil ? .critical : .info
    server = try Server.start(
      database, configuration: configuration, authenticator: authenticator, logger: logger)
  }

  deinit {
    server.shutDown(withinMilliseconds: 200)
    try? database.close()
    try? FileManager.default.removeItem(at: folder)
  }

  func exchange(_ requests: String) throws -> String {
    try LineClient.exchange(port: server.port, requests)
  }

  /// Events with names and numbers of their own.
  func fill(rowCount: Int) throws {
    var sent = 0
    while sent < rowCount {
      let count = min(10_000, rowCount - sent)
      try database.append(
        (sent..<(sent + count)).map { number in
          Event(
            time: Timestamp(microsecondsSinceEpoch: 1_789_000_000_000_000 + Int64(number)),
            org: "acme", model: "model-\(number % 7)", tags: ["request": "request-\(number)"])
        }, acknowledgement: .memory)
      sent += count
    }
  }

  /// Waits until `condition` holds; false after a minute.
  static func waits(for condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      if condition() { return true }
      _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(2))
    }
    return false
  }

  /// What differs from run to run is written `_`.
  static func masked(_ replies: String) -> String {
    replies.replacing(/(\s)(ms|conn|key|read_bytes|uptime_s)=[0-9a-f.]+/) { "\($0.1)\($0.2)=_" }
  }
}
