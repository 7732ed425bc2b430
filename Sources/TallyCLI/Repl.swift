import ArgumentParser
import TallyFormat
import TallyTerminal

/// `tally repl`, and `tally` alone: reads statements from the terminal, or from a pipe.
struct ReplCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repl",
    abstract: "Ask questions at a prompt (the default).",
    discussion: "Type .help at the prompt for what it understands.")

  @OptionGroup var database: DatabaseOptions

  @Option(help: "table, csv, tsv, json, jsonl or markdown.")
  var format: OutputFormat = .table

  @Option(help: ArgumentHelp("Threads a query may use (default: all processors).", valueName: "n"))
  var threads: Int?

  /// Named here for the help: with it, this program becomes the one that has the network.
  @Option(
    help: ArgumentHelp(
      "Ask a server instead; with --help, what else that takes.", valueName: "host:port"))
  var connect: String?

  func run() throws {
    Interrupt.install()
    let runner = try DatabaseRunner.open(database.directory, threadCount: threads)
    let session = ReplSession(runner: runner, directory: database.directory, format: format)
    if Environment.isTerminal(0) {
      try session.converse()
    } else {
      try session.readScript()
    }
  }
}
