import Logging
import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyServer
import TallyStorage

/// A store's tokens and audit log, as a server asks for them.
enum StoreAccess {
  /// Asks nobody for a token until the store has one.
  ///
  /// - Throws: `locked` if another server writes the audit log; `io`, `corruption`.
  static func open(
    _ directory: String, options: AccessGate.Options, logger: Logger
  ) throws(TallyError) -> AccessFollower {
    let directory = FilePath(directory)
    let id = try StoreID.read(directory, fileSystem: PosixFileSystem())
    return try AccessFollower(
      hasTokens: { () throws(TallyError) in
        try AccessGate.hasTokens(storeDirectory: directory, fileSystem: PosixFileSystem())
      },
      open: { () throws(TallyError) in
        try AccessGate.open(
          storeDirectory: directory, store: AuditStoreID(high: id.high, low: id.low),
          fileSystem: PosixFileSystem(), options: options
        ) { change, error in
          if let change {
            logger.info("token \(change.kind.rawValue)", metadata: ["token": "\(change.token.id)"])
          }
          if let error { note(error, logger) }
        }
      },
      report: { note($0, logger) })
  }

  private static func note(_ error: TallyError, _ logger: Logger) {
    logger.error("tokens or audit log failed", metadata: ["reason": "\(error)"])
  }
}
