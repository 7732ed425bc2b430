import ArgumentParser
import TallyTerminal

/// `tally serve`: answers services over the line protocol until it is told to stop.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Take events and answer queries over TCP (docs/serving.md).",
    discussion: """
      Each setting may also stand in the file that --config names, and in the environment: \
      --query-memory is "query-memory" there and $TALLY_QUERY_MEMORY. Options win over the \
      environment, and that over the file.

      SIGTERM and SIGINT stop the server: what was asked is answered, what was sent is written. \
      SIGHUP lets it look at tokens and certificate at once.

        tally serve --db usage.tally
        printf 'query count(*)\\nquit\\n' | nc 127.0.0.1 6480
      """)

  @OptionGroup var options: ServeOptions

  @Option(
    help: ArgumentHelp("A file of settings (default: $TALLY_CONFIG).", valueName: "file"))
  var config: String?

  @Flag(help: "Print the settings with where they come from, check what they name, then end.")
  var check = false

  func run() throws {
    let file = try (config ?? Environment.value("TALLY_CONFIG")).map { try ConfigurationFile($0) }
    let setup = try ServerSetup(try ServeSettings(options: options, file: file))
    if check {
      let report = SetupReport(setup: setup)
      let output = OutputBuffer.standardOutput()
      try output.write(report.settings + "\n")
      // Before the rest: where a setting comes from helps with what is wrong about it.
      try output.flush()
      try output.write(try report.findings())
      return try output.flush()
    }
    try setup.check()
    try RunningServer(setup: setup, logger: setup.logger).run()
  }
}
