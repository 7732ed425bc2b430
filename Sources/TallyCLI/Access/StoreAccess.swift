import Logging
import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyServer

/// A store's tokens and audit log, as a server asks for them.
final class StoreAccess: TallyServer.Authenticator {
  private let gate: AccessGate
  private let following: BackgroundThread

  private static let followNanoseconds: UInt64 = 1_000_000_000

  /// Nil if the store has no token that works: then nobody is asked for one.
  ///
  /// - Throws: `locked` if another server writes the audit log; `io`, `corruption`.
  static func open(
    _ database: DatabaseOptions, logger: Logger
  ) throws(TallyError) -> StoreAccess? {
    let gate = try AccessGate.open(
      storeDirectory: FilePath(database.directory), store: try database.auditStoreID(),
      fileSystem: PosixFileSystem()
    ) { change, error in
      if let change {
        logger.info("token \(change.kind.rawValue)", metadata: ["token": "\(change.token.id)"])
      }
      if let error {
        logger.error("tokens could not be followed", metadata: ["reason": "\(error)"])
      }
    }
    return gate.map { StoreAccess($0) }
  }

  private init(_ gate: AccessGate) {
    self.gate = gate
    following = BackgroundThread(periodNanoseconds: StoreAccess.followNanoseconds) {
      gate.follow()
    }
  }

  func principal(token: String) -> TallyServer.Principal? {
    guard let found = try? gate.authenticate(token) else { return nil }
    var org: String?
    if case .one(let name) = found.org { org = name }
    return TallyServer.Principal(
      user: found.userOrToken, org: org,
      scopes: Set(found.scopes.scopes.compactMap { AccessScope(rawValue: $0.name) }))
  }

  func close() throws(TallyError) {
    following.stop()
    try gate.close()
  }
}
