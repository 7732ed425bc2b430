import ArgumentParser
import TallyFormat
import TallyTerminal

/// `tally repl --connect`: the prompt, with a server behind it.
struct ReplConnectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repl",
    abstract: "Ask a server questions at a prompt.",
    discussion: """
      Type .help at the prompt for what it understands. Ctrl-C stops the query that runs.

        tally repl --connect 127.0.0.1:6480
      """)

  @Option(help: ArgumentHelp("The server.", valueName: "host:port"))
  var connect: String

  @OptionGroup var connection: ConnectionOptions

  @Option(help: "table, csv, tsv, json, jsonl or markdown.")
  var format: OutputFormat = .table

  func validate() throws { _ = try ServerAddress(connect) }

  func run() throws {
    Interrupt.install()
    let runner = RemoteRunner(connection.configuration(try ServerAddress(connect)))
    defer { runner.close() }
    try runner.check()
    let session = ReplSession(runner: runner, directory: connect, format: format)
    if Environment.isTerminal(0) {
      try session.converse()
    } else {
      try session.readScript()
    }
  }
}
