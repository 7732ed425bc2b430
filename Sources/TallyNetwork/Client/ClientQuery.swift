import ArgumentParser
import TallyBase
import TallyClient
import TallyFormat
import TallyLanguage
import TallyTerminal
import TallyWire

extension OutputFormat: ExpressibleByArgument {}

/// `tally client query`: runs statements in a server and prints their rows.
struct ClientQueryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Run one or more queries, separated by semicolons.",
    discussion: """
      The query is the argument, else the file given by -f, else standard input. csv, tsv and \
      jsonl are printed as they come, the other formats once all rows are there.

        tally client query "sum(cost) by model last 7d top 10" --server 127.0.0.1:6480
      """)

  @OptionGroup var server: ServerOptions

  @Option(help: "table, csv, tsv, json, jsonl or markdown.")
  var format: OutputFormat = .table

  @Option(help: ArgumentHelp("Longest time of one query.", valueName: "s"))
  var timeout: Double?

  @Option(help: ArgumentHelp("Fail if a result has more rows.", valueName: "n"))
  var maxRows: Int?

  @Flag(help: "Compute every aggregate from rows, never from what was summed up before.")
  var noRollups = false

  @Flag(help: "Report rows, rows scanned and milliseconds of every query on standard error.")
  var timing = false

  @Flag(help: "Leave out damaged segments instead of failing; the answer says so.")
  var allowPartial = false

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
    if let timeout, !(timeout >= 0.001 && timeout <= 86_400) {
      throw ValidationError("found --timeout \(timeout), expected 0.001 to 86400")
    }
    if let maxRows, maxRows < 1 {
      throw ValidationError("found --max-rows \(maxRows), expected 1 or more")
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
    let runner = RemoteRunner(try server.configuration(), options: queryOptions)
    defer { runner.close() }
    let output = OutputBuffer.standardOutput()
    for (index, statement) in statements.enumerated() {
      do {
        let table = try print(statement.text, runner, output)
        try output.flush()
        CommandExit.report(table.warnings, source: statement.text, line: statement.line)
        if timing { writeError(TimingLine.text(index + 1, table)) }
      } catch let error as TallyError {
        try output.flush()
        throw SourcedError(error: error, source: statement.text, line: statement.line)
      }
    }
  }

  private var queryOptions: TallyClient.QueryOptions {
    var options = TallyClient.QueryOptions()
    options.timeout = timeout.map { .seconds($0) }
    options.rowCountMax = maxRows
    if noRollups { options.usesRollups = false }
    if allowPartial { options.allowsPartialAnswers = true }
    return options
  }

  /// Prints the rows of a statement; what else is known of it is returned.
  private func print(
    _ text: String, _ runner: RemoteRunner, _ output: OutputBuffer
  ) throws -> ResultTable {
    if let streamed = ResultFormat(rawValue: format.rawValue), streamed != .table {
      return try Interrupt.cancelling { token in
        try runner.stream(text, format: streamed, to: output, cancellation: token)
      }
    }
    let table = try Interrupt.cancelling { token in
      try runner.run(text, cancellation: token)
    }
    let layout = TableFormatter.Layout(
      width: Environment.width(1), isColored: Environment.isColored(1))
    try format.formatter(layout).write(table, to: output)
    return table
  }
}
