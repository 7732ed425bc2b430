import ArgumentParser
import SystemPackage
import TallyAuth
import TallyBase
import TallyFile
import TallyTerminal

/// `tally token`: who may use a server.
struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "Create, list, rotate and revoke the tokens that clients of a server show.",
    discussion: "A running server notices within seconds. What is done is in the audit log.",
    subcommands: [
      TokenCreateCommand.self, TokenListCommand.self, TokenRotateCommand.self,
      TokenRevokeCommand.self,
    ])
}

extension DatabaseOptions {
  /// The tokens of the store.
  ///
  /// - Throws: `invalidArgument` if it is none.
  func tokenStore() throws(TallyError) -> TokenStore {
    _ = try auditStoreID()
    return TokenStore(storeDirectory: FilePath(directory), fileSystem: PosixFileSystem())
  }
}

/// Prints a secret, which nobody can see again.
enum SecretOutput {
  /// The secret alone goes to standard output, so that a script can take it from there.
  static func write(_ issued: TokenStore.Issued) throws {
    let token = issued.token
    let output = OutputBuffer.standardOutput()
    try output.write(issued.secret.text + "\n")
    try output.flush()
    let end = token.expiresAt.map(TimestampText.format) ?? "never"
    writeError(
      "token \(token.id) '\(token.name)' org=\(token.org.text) scopes=\(token.scopes.text) "
        + "expires=\(end)\nThe secret above is not shown again.\n")
  }
}

/// Moments and durations on the command line.
enum TimeArgument {
  private static let units: [Character: Int64] = [
    "s": 1, "m": 60, "h": 3_600, "d": 86_400,
  ]

  /// Microseconds of `90d`, `24h`, `15m` or `30s`; nil for anything else.
  static func duration(_ text: String) -> Int64? {
    guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()),
      count >= 0, count <= 1_000_000
    else { return nil }
    return count * unit * 1_000_000
  }

  /// A moment, as RFC 3339 or as a duration from now on.
  static func moment(_ text: String, from now: Int64, isPast: Bool = false) -> Int64? {
    if let duration = duration(text) { return isPast ? now - duration : now + duration }
    return TimestampText.parse(text)
  }
}
