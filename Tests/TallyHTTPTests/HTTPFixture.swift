import Dispatch
import Foundation
import Logging
import Synchronization
import Tally
import TallyAuth
import TallyBase
import TallyHTTP
import TallyServer
import TallyTestSupport

/// HTTP on a free port, with a store of its own.
final class HTTPFixture {
  let folder: URL
  let database: Database
  let context: ServerContext
  let server: HTTPServer

  init(
    database options: Database.Options = Database.Options(),
    server change: (inout ServerConfiguration) -> Void = { _ in },
    http changeHTTP: (inout HTTPConfiguration) -> Void = { _ in },
    authenticator: (any Authenticator)? = nil
  ) throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "tally-http-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appending(path: "usage.tally").path
    if options.access == .readOnly { try Database.open(path).close() }
    database = try Database.open(path, options: options)
    var configuration = ServerConfiguration()
    change(&configuration)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    context = ServerContext(
      database: database, configuration: configuration, authenticator: authenticator,
      logger: logger)
    var http = HTTPConfiguration()
    http.port = 0
    changeHTTP(&http)
    server = try HTTPServer.start(context, configuration: http)
  }

  deinit {
    server.shutDown(withinMilliseconds: 100)
    context.runner.shutDown()
    try? database.close()
    try? FileManager.default.removeItem(at: folder)
  }

  func client(receiveByteCount: Int? = nil) throws -> HTTPTestClient {
    try HTTPTestClient(port: server.port, receiveByteCount: receiveByteCount)
  }

  /// One request on a connection of its own.
  func exchange(
    _ method: String, _ target: String, _ body: String? = nil, headers: [String] = []
  ) throws -> HTTPTestResponse {
    try client().exchange(method, target, headers: headers, body: body)
  }

  /// Status and body, what differs from run to run written `_`.
  func transcript(
    _ method: String, _ target: String, _ body: String? = nil, headers: [String] = []
  ) throws -> String {
    let response = try exchange(method, target, body, headers: headers)
    return "\(response.status) " + HTTPFixture.masked(response.text)
  }

  static func masked(_ text: String) -> String {
    text.replacing(/"(ms|read_bytes|compiler|execute|lsn)":[0-9.]+/) { "\"\($0.1)\":_" }
      .replacing(/"id":"r-[0-9a-f]+"/) { _ in "\"id\":\"_\"" }
  }

  /// Events with names and numbers of their own.
  func fill(rowCount: Int, org: String = "acme") throws {
    try database.append(
      (0..<rowCount).map { number in
        Event(
          time: Timestamp(microsecondsSinceEpoch: 1_789_000_000_000_000 + Int64(number)),
          org: org, model: "model-\(number % 7)", tags: ["request": "request-\(number)"])
      }, acknowledgement: .memory)
  }

  /// Keeps the only thread for queries busy until it is let go.
  func blockQueries() -> DispatchSemaphore {
    let (isRunning, letGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    _ = context.runner.queries.submit {
      isRunning.signal()
      letGo.wait()
    }
    isRunning.wait()
    return letGo
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
}

/// Tokens of two orgs and one of all, and how often a question may be asked.
final class TestTokens: Authenticator {
  private let questions: Mutex<Int>
  private let revoked = Mutex<Set<String>>([])
  private let failsToRecord = Mutex(false)

  init(questions: Int = .max) { self.questions = Mutex(questions) }

  func authenticate(_ token: String) throws(AccessRefusal) -> Principal {
    guard !revoked.withLock({ $0.contains(token) }) else { throw .unauthenticated }
    switch token {
    case "acme": return principal("acme", .one("acme"), [.analyticsRead, .analyticsWrite])
    case "globex": return principal("globex", .one("globex"), [.analyticsRead, .analyticsWrite])
    case "reader": return principal("reader", .one("acme"), [.analyticsRead])
    case "admin": return principal("admin", .all, Scope.allCases)
    default: throw .unauthenticated
    }
  }

  private func principal(_ name: String, _ org: OrgAccess, _ scopes: [Scope]) -> Principal {
    Principal(tokenID: name, name: name, org: org, scopes: ScopeSet(scopes))
  }

  func revoke(_ token: String) { _ = revoked.withLock { $0.insert(token) } }

  func refresh(_ principal: Principal) -> Principal? {
    revoked.withLock { $0.contains(principal.tokenID) } ? nil : principal
  }

  func admit(_ principal: Principal) throws(AccessRefusal) -> RateLimiter.Allowance? {
    let left = questions.withLock { questions in
      questions -= 1
      return questions
    }
    guard left >= 0 else { throw .rateLimited(.user, milliseconds: 1_600) }
    return RateLimiter.Allowance(limit: 100, remaining: left, resetSeconds: 7)
  }

  func follow() {}

  /// From now on the audit log takes nothing.
  func breakAuditLog() { failsToRecord.withLock { $0 = true } }

  var auditFailure: TallyError? {
    failsToRecord.withLock { $0 } ? TallyError(.io, "the disk is gone") : nil
  }
}
