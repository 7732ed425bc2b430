import ArgumentParser
import TallyBase
import TallyTerminal

/// The process: runs the command line and turns errors into messages and exit codes.
@main
enum TallyMain {
  static func main() {
    ignoreBrokenPipes()
    do {
      try NetworkProgram.replaceIfNeeded(CommandLine.arguments)
      try TallyCommand.checkSubcommand(CommandLine.arguments.dropFirst().first)
      var command = try TallyCommand.parseAsRoot()
      try command.run()
    } catch {
      CommandExit.leave(with: error, root: TallyCommand.self)
    }
  }
}

/// The root of all subcommands.
struct TallyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tally",
    abstract: "Questions about the usage and cost of language models, answered at once.",
    discussion: """
      Without a subcommand, reads queries from the terminal.

      EXIT CODES: 0 ok, 1 query error, 2 usage, 3 I/O or corruption, 130 interrupted.
      """,
    subcommands: [
      ReplCommand.self, QueryCommand.self, StatsCommand.self, InspectCommand.self,
      ImportCommand.self, CompactCommand.self, GenerateCommand.self, DemoCommand.self,
      VerifyCommand.self, BackupCommand.self, RestoreCommand.self, RepairCommand.self,
      RetainCommand.self, EraseCommand.self, ServeCommand.self, ClientCommand.self,
      TokenCommand.self,
      AuditCommand.self,
    ],
    defaultSubcommand: ReplCommand.self)

  /// Refuses a first argument that is neither an option nor a subcommand. The parser itself would
  /// take it for an argument of the default subcommand and say so.
  static func checkSubcommand(_ argument: String?) throws {
    guard let argument, !argument.hasPrefix("-") else { return }
    let names = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
    if names.contains(argument) { return }
    let hint =
      Suggestion.hint(Suggestion.nearest(to: argument, among: names))
      ?? "subcommands are " + names.joined(separator: ", ")
    throw ValidationError("found subcommand '\(argument)'; \(hint)")
  }
}
