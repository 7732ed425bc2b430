import SystemPackage
import Tally
import TallyAuth
import TallyBase
import TallyFile
import TallyServer

/// What `tally serve --check` tells: every setting with where it comes from, and what the files
/// that they name hold.
struct SetupReport {
  let setup: ServerSetup

  private static let nameWidth = ServeSetting.names.map(\.count).max() ?? 0

  /// Every setting.
  var settings: String {
    let rows = setup.settings.all.map { ($0.setting.name, $0.text, $0.origin) }
    let valueWidth = rows.map { $0.1.count }.max() ?? 0
    return rows.map { name, value, origin in
      SetupReport.padded(name, SetupReport.nameWidth) + SetupReport.padded(value, valueWidth)
        + "\(origin)\n"
    }.joined()
  }

  /// What they name.
  ///
  /// - Throws: what opening the store, reading the tokens and the rules of listening do.
  func findings() throws -> String {
    try facts.map { SetupReport.padded($0.0, SetupReport.nameWidth) + $0.1 + "\n" }.joined()
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count) + 2)
  }

  private var facts: [(String, String)] {
    get throws {
      try setup.check()
      return [("store", try store), ("tokens", try tokens), ("certificate", certificate)]
    }
  }

  /// Read only: the store may be served meanwhile.
  private var store: String {
    get throws {
      guard try PosixFileSystem().kind(of: FilePath(setup.directory)) != nil else {
        return "there is none yet, the server makes it"
      }
      var options = setup.database
      options.access = .readOnly
      let database = try Database.openStore(setup.directory, options: options)
      defer { try? database.closeStore() }
      guard case .integer(let count) = try database.query("count(*)")[0][0] else { return "opens" }
      return "opens, \(count) events"
    }
  }

  private var tokens: String {
    get throws {
      let store = TokenStore(
        storeDirectory: FilePath(setup.directory), fileSystem: PosixFileSystem())
      let now = AccessClock.system.microseconds()
      let count = try store.load().tokens.count { $0.status(at: now) == .active }
      return count == 0 ? "none: whoever connects may do everything" : "\(count) that work"
    }
  }

  private var certificate: String {
    guard let tls = setup.server.tls else { return "none: plain text" }
    let end = Timestamp(microsecondsSinceEpoch: tls.validUntil &* 1_000_000)
    return "goes with its key, valid until \(end)" + (end < .now ? ": it has ended" : "")
  }
}
