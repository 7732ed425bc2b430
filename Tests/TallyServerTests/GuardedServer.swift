import Foundation
import SystemPackage
import Tally
import TallyAuth
import TallyBase
import TallyFile
import TallyServer
import TallyStorage
import TallyTestSupport

/// A server on a store that may have tokens, with its audit log.
final class GuardedServer {
  let fixture: ServerFixture
  let access: AccessFollower
  let tokens: TokenStore
  private let directory: FilePath

  /// - Parameter names: of tokens that are there from the beginning; see ``issue(_:org:_:)``.
  init(
    tokens first: [(name: String, org: OrgAccess)] = [],
    options: AccessGate.Options = AccessGate.Options(),
    _ change: (inout ServerConfiguration) -> Void = { _ in }
  ) throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "tally-guarded-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let directory = FilePath(folder.appending(path: "usage.tally").path)
    let database = try Database.open(directory.string)
    let tokens = TokenStore(storeDirectory: directory, fileSystem: PosixFileSystem())
    var secrets: [String: String] = [:]
    for token in first {
      secrets[token.name] = try GuardedServer.issue(tokens, token.name, token.org)
    }
    let id = try StoreID.read(directory, fileSystem: PosixFileSystem())
    let access = try AccessFollower(
      hasTokens: { () throws(TallyError) in
        try AccessGate.hasTokens(storeDirectory: directory, fileSystem: PosixFileSystem())
      },
      open: { () throws(TallyError) in
        try AccessGate.open(
          storeDirectory: directory, store: AuditStoreID(high: id.high, low: id.low),
          fileSystem: PosixFileSystem(), options: options)
      }, report: { _ in })
    fixture = try ServerFixture(
      change, authenticator: access, database: database, folder: folder)
    self.access = access
    self.tokens = tokens
    self.directory = directory
    self.secrets = secrets
  }

  deinit { try? access.close() }

  /// Secrets of the tokens that were there from the beginning.
  let secrets: [String: String]

  var port: Int { fixture.server.port }

  private static func issue(
    _ tokens: TokenStore, _ name: String, _ org: OrgAccess
  ) throws -> String {
    try tokens.create(
      TokenRequest(name: name, org: org, scopes: .all),
      at: AccessClock.system.microseconds()
    ).secret.text
  }

  /// Makes a token and returns its secret.
  func issue(_ name: String, _ org: OrgAccess) throws -> String {
    try GuardedServer.issue(tokens, name, org)
  }

  /// What is said to requests after the token of this name was shown.
  func exchange(as name: String, _ requests: String) throws -> String {
    let replies = try fixture.exchange("AUTH TOKEN \(secrets[name] ?? "")\n" + requests + "QUIT\n")
    return String(replies.drop { $0 != "\n" }.dropFirst())
  }

  /// The audit log's lines of these actions, once everything was written.
  func audit(_ actions: Set<String>) throws -> [String] {
    try access.close()
    var lines: [String] = []
    try AuditReader(storeDirectory: directory, fileSystem: PosixFileSystem()).read(
      AuditReader.Filter()
    ) { line in
      if let match = line.firstMatch(of: /"action":"([a-z.]+)"/),
        actions.contains(String(match.1))
      {
        lines.append(line)
      }
    }
    return lines
  }
}
