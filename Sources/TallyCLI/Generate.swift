import ArgumentParser
import TallyBase
import TallyIngest
import TallyTerminal

/// `tally generate`: deterministic, realistic demo data.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Generate realistic events into the store or a file.",
    discussion: """
      The same options give the same events on every machine and with any number of threads. \
      Into a store that has events already, the new ones are added.
      """)

  @OptionGroup var location: StoreLocation

  @Option(help: "Number of events.")
  var events = WorkloadGenerator.Options().eventCount

  @Option(help: "Number of days they are spread over evenly.")
  var days = WorkloadGenerator.Options().dayCount

  @Option(help: "Seed of the random numbers.")
  var seed = WorkloadGenerator.Options().seed

  @Option(help: "Number of organisations.")
  var orgs = WorkloadGenerator.Options().organisationCount

  @Option(help: "Number of users.")
  var users = WorkloadGenerator.Options().userCount

  @Option(help: ArgumentHelp("The first day.", valueName: "YYYY-MM-DD"))
  var start = WorkloadGenerator.Options().firstDay.description

  @Option(help: ArgumentHelp("Write to a file (- for standard output).", valueName: "file"))
  var output: String?

  @Option(help: "Format of the file: jsonl or csv; told by its name if left out.")
  var format: String?

  func validate() throws {
    if let format, EventTextWriter.Format(rawValue: format) == nil {
      throw ValidationError("found --format '\(format)', expected jsonl or csv")
    }
    if TimestampText.parseDate(ByteString(start)) == nil {
      throw ValidationError("found --start '\(start)', expected YYYY-MM-DD")
    }
  }

  func run() throws {
    var options = WorkloadGenerator.Options()
    options.eventCount = events
    options.dayCount = days
    options.seed = seed
    options.organisationCount = orgs
    options.userCount = users
    options.firstDay = Day(
      number: Int32(clamping: TimestampText.parseDate(ByteString(start)) ?? 0))
    do {
      try options.validate()
    } catch { throw ValidationError(error.message) }
    let generator = try WorkloadGenerator(options: options)
    Interrupt.install()
    try Interrupt.cancelling { token in
      let run = GenerateRun(
        generator: generator, threadCount: location.threadCount, cancellation: token)
      guard let output else { return try run.load(into: location) }
      let named = output.lowercased().hasSuffix(".csv") ? EventTextWriter.Format.csv : .jsonl
      let format = format.flatMap { EventTextWriter.Format(rawValue: $0) } ?? named
      try run.write(to: output, format: format)
    }
  }
}
