import ArgumentParser
import TallyAuth
import TallyBase
import TallyTerminal

/// `tally token rotate`: gives a token another secret.
struct TokenRotateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Give a token another secret and print it, once.",
    discussion: """
      The old secret works for the time of grace, so that clients can be changed one by one. \
      Rotated again, only the newest two work.
      """)

  @OptionGroup var database: DatabaseOptions

  @Argument(help: ArgumentHelp("The token's id or name.", valueName: "token"))
  var token: String

  @Option(
    help: ArgumentHelp("How long the old secret still works; 0s: not at all.", valueName: "time"))
  var grace = "24h"

  func validate() throws {
    guard TimeArgument.duration(grace) == nil else { return }
    throw ValidationError("found --grace \(grace), expected a duration such as 24h or 0s")
  }

  func run() throws {
    let tokens = try database.tokenStore()
    let now = AccessClock.system.microseconds()
    let issued = try tokens.rotate(
      token, graceMicroseconds: TimeArgument.duration(grace) ?? 0, at: now)
    try SecretOutput.write(issued)
    try database.note(.tokenRotate, issued.token, at: now)
  }
}
