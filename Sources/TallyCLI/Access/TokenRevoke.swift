import ArgumentParser
import TallyAuth
import TallyBase
import TallyTerminal

/// `tally token revoke`: ends a token.
struct TokenRevokeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: "End a token at once, and the connections that use it.")

  @OptionGroup var database: DatabaseOptions

  @Argument(help: ArgumentHelp("The token's id or name.", valueName: "token"))
  var token: String

  func run() throws {
    let tokens = try database.tokenStore()
    let now = AccessClock.system.microseconds()
    let revoked = try tokens.revoke(token, at: now)
    print("revoked \(revoked.id) '\(revoked.name)'")
    try database.note(.tokenRevoke, revoked, at: now)
  }
}
