import ArgumentParser
import SystemPackage
import TallyBase
import TallyFile
import TallyIngest
import TallyTerminal

/// `tally import`: streams files into the store.
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Import events from JSON lines, csv or InfluxDB line protocol.",
    discussion: """
      Files may be compressed with gzip or zstd. Fields feed the column of their name, or the \
      standard column of which they are a known alias (prompt_tokens, createdAt ...); others \
      become new columns. All files of one command become visible together. Rejected lines go \
      to standard error or --rejects.

      Rows with an event_id are stored once: of rows of one org and event_id at most 45 days \
      apart, the one with more tokens (input_tokens + output_tokens) stays, the later one if they \
      have as many. The last line of output is imported=N rejected=N duplicates=N: rows that \
      the store did not have, lines that could not be taken, and rows whose event it had or that \
      came twice; together all rows. Importing a file again imports nothing.
      """)

  @OptionGroup var location: StoreLocation

  @Option(help: "auto, jsonl, csv or influx (InfluxDB line protocol).")
  var format = "auto"

  @Option(
    name: .customLong("map"),
    help: ArgumentHelp("Let a field feed a column.", valueName: "field=column"))
  var maps: [String] = []

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Give every row this value.", valueName: "column=value"))
  var sets: [String] = []

  @Option(
    name: .customLong("ignore"),
    help: ArgumentHelp("Drop a field.", valueName: "field"))
  var ignored: [String] = []

  @Option(help: "Unit of numeric times: s, ms, us or ns; told by magnitude if left out.")
  var timeUnit: String?

  @Option(help: "Numeric times are offsets from this time (RFC 3339).")
  var timeOrigin: String?

  @Option(help: "csv: the character between fields; told by the header if left out.")
  var delimiter: String?

  @Option(help: ArgumentHelp("influx: the measurement to take.", valueName: "name"))
  var measurement = "usage"

  @Flag(help: "Reject rows with fields that are not columns of the store yet.")
  var strict = false

  @Option(
    name: .customLong("max-line-bytes"),
    help: ArgumentHelp(
      "Reject lines (records, for csv) of more bytes, at most 67108864.", valueName: "n"))
  var lineByteCountMax = InputLimits.lineByteCountMax

  @Option(
    name: .customLong("max-value-bytes"),
    help: ArgumentHelp(
      "Reject rows with a text of more bytes, at most 67108864; names have at most 65536.",
      valueName: "n"))
  var valueByteCountMax = InputLimits.textByteCountMax

  @Option(help: ArgumentHelp("Write rejected lines to a file, as JSON lines.", valueName: "file"))
  var rejects: String?

  @Argument(help: ArgumentHelp("Files, or - for the standard input.", valueName: "file"))
  var arguments: [String]

  /// The arguments that are no pairs: `--map a=b c=d FILE` maps two fields.
  private var files: [String] { arguments.filter { !isPair($0) } }
  private var allMaps: [String] { maps + (sets.isEmpty ? arguments.filter(isPair) : []) }
  private var allSets: [String] { sets + (maps.isEmpty ? arguments.filter(isPair) : []) }

  /// Whether an argument continues the list of the one option of pairs that was used.
  private func isPair(_ argument: String) -> Bool {
    maps.isEmpty != sets.isEmpty && ImportCommand.pair(argument) != nil
      && (try? PosixFileSystem().kind(of: FilePath(argument))) == .some(nil)
  }

  func validate() throws {
    if files.isEmpty { throw ValidationError("found no file, expected one or more, or -") }
    if format != "auto", InputFormat(rawValue: format) == nil {
      throw ValidationError("found --format '\(format)', expected auto, jsonl, csv or influx")
    }
    if let timeUnit, TimeUnit(rawValue: timeUnit) == nil {
      throw ValidationError("found --time-unit '\(timeUnit)', expected s, ms, us or ns")
    }
    if let timeOrigin, TimestampText.parse(timeOrigin) == nil {
      throw ValidationError("found --time-origin '\(timeOrigin)', expected an RFC 3339 time")
    }
    if let delimiter, delimiter != "\\t", delimiter.utf8.count != 1 {
      throw ValidationError("found --delimiter '\(delimiter)', expected one character")
    }
    for (option, texts) in [("--map", maps), ("--set", sets)] {
      for text in texts where ImportCommand.pair(text) == nil {
        let sides = option == "--map" ? "FIELD=COLUMN" : "COLUMN=VALUE"
        throw ValidationError("found \(option) '\(text)', expected \(sides)")
      }
    }
    do throws(TallyError) {
      _ = try mapping(isStrict: strict)
      _ = try limits()
    } catch { throw ValidationError(error.message) }
  }

  private func limits() throws(TallyError) -> InputLimits {
    try InputLimits(lineByteCountMax: lineByteCountMax, valueByteCountMax: valueByteCountMax)
  }

  /// The two sides of the first `=`; nil if there is none or nothing before it.
  private static func pair(_ text: String) -> (String, String)? {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return nil }
    return (String(text[..<equals]), String(text[text.index(after: equals)...]))
  }

  func run() throws {
    do {
      try runImport()
    } catch let error as TallyError where error.code == .invalidArgument && error.path == nil {
      // About an option, such as a value that its column cannot take.
      CommandExit.report(error, source: nil)
      throw ExitCode(2)
    }
  }

  private func runImport() throws {
    var options = ImportPipeline.Options()
    options.mapping = try mapping(isStrict: strict)
    options.limits = try limits()
    // Values of --set are checked before the store is touched. Which columns strict mode knows,
    // only the store can tell.
    _ = try JsonLinesDecoder(mapping: try mapping(isStrict: false), schema: .standard)
    options.format = InputFormat(rawValue: format)
    options.delimiter = delimiter == "\\t" ? UInt8(ascii: "\t") : delimiter?.utf8.first
    options.measurement = measurement
    options.threadCount = location.threadCount
    Interrupt.install()
    try Interrupt.cancelling { token in
      try ImportRun(
        location: location, files: files, options: options, rejectsPath: rejects,
        cancellation: token
      ).run()
    }
  }

  private func mapping(isStrict: Bool) throws(TallyError) -> FieldMapping {
    try FieldMapping(
      renames: allMaps.compactMap(ImportCommand.pair).map { (field: $0.0, column: $0.1) },
      constants: allSets.compactMap(ImportCommand.pair).map { (column: $0.0, value: $0.1) },
      ignored: ignored, isStrict: isStrict,
      time: TimeOptions(
        unit: timeUnit.flatMap { TimeUnit(rawValue: $0) },
        originMicroseconds: timeOrigin.flatMap { TimestampText.parse($0) }))
  }
}
