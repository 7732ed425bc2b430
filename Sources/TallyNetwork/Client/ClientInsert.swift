import ArgumentParser
import TallyBase
import TallyClient
import TallyIngest
import TallyTerminal
import TallyWire

/// `tally client insert`: sends files to a server.
struct ClientInsertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "insert",
    abstract: "Send events of JSON lines, csv or InfluxDB line protocol.",
    discussion: """
      Files may be compressed with gzip or zstd. They are sent in batches that are numbered: what \
      is sent again after a lost connection is stored once. Rejected lines go to standard error. \
      The last line of output is accepted=N rejected=N duplicates=N.

        tally client insert events.jsonl.gz --server 127.0.0.1:6480
        generate | tally client insert --format influx -
      """)

  @OptionGroup var server: ServerOptions

  @Option(help: "auto, jsonl, csv or influx (InfluxDB line protocol).")
  var format = "auto"

  @Option(help: "What to wait for: memory, os, durable or published.")
  var ack = "durable"

  @Option(help: "A batch with rows that cannot be taken: partial (the others are stored) or all.")
  var mode = "partial"

  @Option(help: "Unit of numeric times: s, ms, us or ns; told by magnitude if left out.")
  var timeUnit: String?

  @Flag(help: "Reject rows with fields that are not columns of the store yet.")
  var strict = false

  @Option(name: .customLong("batch"), help: ArgumentHelp("Rows of a batch.", valueName: "n"))
  var batchRowCount = 10_000

  @Option(help: ArgumentHelp("Batches under way at once.", valueName: "n"))
  var connections = 4

  @Argument(help: ArgumentHelp("Files, or - for the standard input.", valueName: "file"))
  var files: [String]

  func validate() throws {
    if files.isEmpty { throw ValidationError("found no file, expected one or more, or -") }
    if format != "auto", InputFormat(rawValue: format) == nil {
      throw ValidationError("found --format '\(format)', expected auto, jsonl, csv or influx")
    }
    guard AckLevel(rawValue: ack) != nil else {
      throw ValidationError("found --ack '\(ack)', expected memory, os, durable or published")
    }
    guard BatchMode(rawValue: mode) != nil else {
      throw ValidationError("found --mode '\(mode)', expected partial or all")
    }
    if let timeUnit, TimePrecision(rawValue: timeUnit) == nil || timeUnit == "auto" {
      throw ValidationError("found --time-unit '\(timeUnit)', expected s, ms, us or ns")
    }
    guard (1...100_000).contains(batchRowCount), (1...64).contains(connections) else {
      throw ValidationError(
        "found --batch \(batchRowCount) --connections \(connections), expected 1 to 100000 and "
          + "1 to 64")
    }
  }

  func run() throws {
    var configuration = try server.configuration()
    configuration.connectionCountMax = connections
    var options = TallyClient.InsertOptions()
    options.acknowledgement = .init(rawValue: ack) ?? .durable
    options.mode = .init(rawValue: mode) ?? .partial
    options.precision = timeUnit
    options.isStrict = strict
    let run = ClientInsertRun(
      client: TallyClient(configuration), files: files,
      format: TallyClient.DataFormat(rawValue: format), options: options,
      batchRowCount: batchRowCount, concurrentCount: connections)
    Interrupt.install()
    let outcome = try Interrupt.cancelling { token in
      try Waiting.run(token) { await run.run() }
    }
    let output = OutputBuffer.standardOutput()
    try output.write(
      "accepted=\(outcome.acceptedCount) rejected=\(outcome.rejectedCount) "
        + "duplicates=\(outcome.duplicateCount)\n")
    try output.flush()
    if let error = outcome.error { throw error }
  }
}
