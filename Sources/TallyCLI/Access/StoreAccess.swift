import Logging
import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyServer

/// A store's tokens and audit log, as a server asks for them.
final class StoreAccess: TallyServer.Authenticator {
  private let tokens: TokenAuthenticator
  private let audit: AuditLog
  private let clock = AccessClock.system
  private let reloading: BackgroundThread

  private static let reloadNanoseconds: UInt64 = 2_000_000_000

  /// Nil if the store has no token that works: then nobody is asked for one.
  ///
  /// - Throws: `locked` if another server writes the audit log; `io`, `corruption`.
  static func open(
    _ database: DatabaseOptions, logger: Logger
  ) throws(TallyError) -> StoreAccess? {
    let tokens = try TokenAuthenticator(try database.tokenStore())
    guard tokens.hasTokens else { return nil }
    let audit = try AuditLog(
      storeDirectory: FilePath(database.directory), store: try database.auditStoreID(),
      fileSystem: PosixFileSystem())
    let access = StoreAccess(tokens, audit, logger)
    try audit.append(
      AuditRecord(.serverStart, time: access.clock.microseconds()), waiting: true)
    return access
  }

  private init(_ tokens: TokenAuthenticator, _ audit: AuditLog, _ logger: Logger) {
    self.tokens = tokens
    self.audit = audit
    let clock = clock
    reloading = BackgroundThread(periodNanoseconds: StoreAccess.reloadNanoseconds) {
      do throws(TallyError) {
        for change in try tokens.reload() {
          logger.info("token \(change.kind.rawValue)", metadata: ["token": "\(change.token.id)"])
          try audit.append(StoreAccess.record(change, at: clock.microseconds()), waiting: true)
        }
      } catch {
        logger.error("the tokens could not be read again", metadata: ["reason": "\(error)"])
      }
    }
  }

  private static func record(_ change: TokenChange, at now: Int64) -> AuditRecord {
    let action: AuditRecord.Action =
      switch change.kind {
      case .created: .tokenCreate
      case .rotated: .tokenRotate
      case .revoked, .removed: .tokenRevoke
      case .changed: .tokenChange
      }
    var record = AuditRecord(action, time: now)
    record.org = change.token.org.text
    record.target = change.token.id
    return record
  }

  /// Who shows `token`; nobody if that cannot be written down.
  func principal(token: String) -> TallyServer.Principal? {
    var record = AuditRecord(.authenticate, time: clock.microseconds())
    var principal: TallyServer.Principal?
    do throws(AccessRefusal) {
      let found = try tokens.authenticate(token)
      record.setPrincipal(found)
      principal = StoreAccess.principal(found)
    } catch {
      record.outcome = error.code
      // The id is public; whether there is such a token is not said.
      record.tokenID = TokenSecret(token)?.tokenID
    }
    guard (try? audit.append(record)) != nil else { return nil }
    return principal
  }

  private static func principal(_ found: TallyAuth.Principal) -> TallyServer.Principal {
    var org: String?
    if case .one(let name) = found.org { org = name }
    return TallyServer.Principal(
      user: found.userOrToken, org: org,
      scopes: Set(found.scopes.scopes.compactMap { AccessScope(rawValue: $0.name) }))
  }

  /// Ends the audit log with the server's end.
  func close() throws(TallyError) {
    reloading.stop()
    try audit.append(AuditRecord(.serverStop, time: clock.microseconds()))
    try audit.close()
  }
}
