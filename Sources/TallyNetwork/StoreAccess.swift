import Logging
import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyStorage
import TallyTerminal

/// A store's tokens and audit log, as a server asks for them.
enum StoreAccess {
  /// Nil if the store has no token that works: then nobody is asked for one.
  ///
  /// - Throws: `locked` if another server writes the audit log; `io`, `corruption`.
  static func open(
    _ database: DatabaseOptions, logger: Logger
  ) throws(TallyError) -> AccessGate? {
    let id = try StoreID.read(FilePath(database.directory), fileSystem: PosixFileSystem())
    return try AccessGate.open(
      storeDirectory: FilePath(database.directory), store: AuditStoreID(high: id.high, low: id.low),
      fileSystem: PosixFileSystem()
    ) { change, error in
      if let change {
        logger.info("token \(change.kind.rawValue)", metadata: ["token": "\(change.token.id)"])
      }
      if let error {
        logger.error("tokens could not be followed", metadata: ["reason": "\(error)"])
      }
    }
  }
}
