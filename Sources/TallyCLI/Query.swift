import ArgumentParser
import TallyBase
import TallyFormat
import TallyLanguage
import TallyTerminal

extension OutputFormat: ExpressibleByArgument {}

/// `tally query`: runs statements and prints their rows.
struct QueryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Run one or more queries, separated by semicolons.",
    discussion: """
      The query is the argument, else the file given by -f, else standard input.

        tally query "sum(cost) by model last 7d top 10"
        tally query --format csv -f report.sql > report.csv
      """)

  @OptionGroup var database: DatabaseOptions

  @Option(help: "table, csv, tsv, json, jsonl or markdown.")
  var format: OutputFormat = .table

  @Option(help: ArgumentHelp("Threads a query may use (default: all processors).", valueName: "n"))
  var threads: Int?

  @Flag(help: "Compute every aggregate from rows, never from what was summed up before.")
  var noRollups = false

  @Flag(help: "Also see events that a writing process has logged and not yet flushed.")
  var live = false

  @Flag(help: "Report rows, rows scanned and milliseconds of every execution on standard error.")
  var timing = false

  @Flag(help: "Leave out damaged segments instead of failing; the answer says so.")
  var allowPartial = false

  @Option(
    name: .customLong("repeat"),
    help: ArgumentHelp(
      "Execute each query this many times; its rows are printed once.", valueName: "n"))
  var repeatCount = 1

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Read the queries from a file (- is standard input).", valueName: "file"))
  var file: String?

  @Argument(help: ArgumentHelp("The queries.", valueName: "query"))
  var query: String?

  func validate() throws {
    if query != nil, file != nil {
      throw ValidationError("found a query and a file, expected one of them")
    }
    guard repeatCount >= 1 else {
      throw ValidationError("found --repeat \(repeatCount), expected at least 1")
    }
    if let threads, !(1...1_024).contains(threads) {
      throw ValidationError("found --threads \(threads), expected 1 to 1024")
    }
  }

  func run() throws {
    if query == nil, file == nil, Environment.isTerminal(0) {
      throw ValidationError("found no query, expected one as argument, in a file or on stdin")
    }
    let text = try query ?? InputText.read(path: file ?? "-")
    let statements = StatementSplitter.split(text).statements
    guard !statements.isEmpty else {
      throw TallyError(.syntax, "found no statement, expected a query")
    }
    Interrupt.install()
    let runner = try DatabaseRunner.open(
      database.directory, threadCount: threads, usesRollups: !noRollups,
      includesUnflushed: live, allowsPartialAnswers: allowPartial)
    runner.usesResultCache = repeatCount == 1
    let output = OutputBuffer.standardOutput()
    let layout = TableFormatter.Layout(
      width: Environment.width(1), isColored: Environment.isColored(1))
    let formatter = format.formatter(layout)
    for (index, statement) in statements.enumerated() {
      do {
        let result = try execute(statement, number: index + 1, runner)
        try formatter.write(result, to: output)
        try output.flush()
        CommandExit.report(result.warnings, source: statement.text, line: statement.line)
      } catch let error as TallyError {
        try output.flush()
        throw SourcedError(error: error, source: statement.text, line: statement.line)
      }
    }
  }

  /// Executes a statement `repeatCount` times and returns the last result.
  private func execute(
    _ statement: StatementSplitter.Statement, number: Int, _ runner: any QueryRunner
  ) throws -> ResultTable {
    var last: ResultTable?
    for _ in 0..<repeatCount {
      let result = try Interrupt.cancelling { token in
        try runner.run(statement.text, cancellation: token)
      }
      if timing { writeError(TimingLine.text(number, result)) }
      last = result
    }
    guard let last else { throw TallyError(.internal, "the query was not executed") }
    return last
  }
}
