import ArgumentParser
import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyStorage
import TallyTerminal

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `tally audit`: the log of who did what.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Check and read the log of who did what.",
    subcommands: [AuditVerifyCommand.self, AuditListCommand.self])
}

extension DatabaseOptions {
  /// What binds an audit log to its store.
  ///
  /// - Throws: `invalidArgument` if there is no store; `io`, `corruption`, `version`.
  func auditStoreID() throws(TallyError) -> AuditStoreID {
    let id = try StoreID.read(FilePath(directory), fileSystem: PosixFileSystem())
    return AuditStoreID(high: id.high, low: id.low)
  }

  /// Writes down what was done to a token, unless a server has the log: it does so itself.
  func note(
    _ action: AuditRecord.Action, _ token: TokenRecord, at now: Int64
  ) throws(TallyError) {
    let log: AuditLog
    do throws(TallyError) {
      log = try AuditLog(
        storeDirectory: FilePath(directory), store: try auditStoreID(),
        fileSystem: PosixFileSystem())
    } catch {
      guard error.code == .locked else { throw error }
      return
    }
    var record = AuditRecord(action, time: now)
    record.user = "uid:\(getuid())"
    record.org = token.org.text
    record.target = token.id
    try log.append(record, waiting: true)
    try log.close()
  }
}
