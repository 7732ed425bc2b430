import ArgumentParser
import TallyTerminal

/// The process of the commands that use the network. `tally` becomes it when one is asked for, so
/// that all others start without what only these need.
@main
enum TallyNetworkMain {
  static func main() {
    ignoreBrokenPipes()
    do {
      var command = try NetworkCommand.parseAsRoot()
      try command.run()
    } catch {
      CommandExit.leave(with: error, root: NetworkCommand.self)
    }
  }
}

/// The root of the commands that use the network. It goes by the name that people type.
struct NetworkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tally",
    abstract: "Serve a store, and use one that is served.",
    subcommands: [ServeCommand.self, ClientCommand.self, ReplConnectCommand.self])
}
