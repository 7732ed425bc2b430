import ArgumentParser
import NIOCore
import TallyBase
import TallyClient
import TallyTerminal
import TallyWire

/// `tally client bench`: drives a load and tells how fast it was answered.
struct ClientBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Drive a load and print its rate and latencies.",
    discussion: """
      Requests are made before the clock starts and sent by one thread. Without --rate, each \
      connection keeps --depth requests unanswered. With --rate, requests begin at fixed times \
      whether or not earlier ones were answered, and latency counts from the time at which a \
      request should have begun.

        tally client bench --ping --connections 4 --depth 64
        tally client bench --insert 1000 --connections 8 --ack durable
        tally client bench --query "sum(cost) by model" --rate 200
      """)

  @OptionGroup var server: ServerOptions

  @Flag(help: "Send PING.")
  var ping = false

  @Option(help: ArgumentHelp("Send this query.", valueName: "text"))
  var query: String?

  @Option(help: ArgumentHelp("Send batches of this many generated events.", valueName: "rows"))
  var insert: Int?

  @Option(help: ArgumentHelp("Connections.", valueName: "n"))
  var connections = 1

  @Option(help: ArgumentHelp("Requests of one connection that are unanswered.", valueName: "n"))
  var depth = 1

  @Option(help: ArgumentHelp("How long is measured.", valueName: "s"))
  var seconds = 5.0

  @Option(help: ArgumentHelp("How long is run before that.", valueName: "s"))
  var warmUp = 1.0

  @Option(help: ArgumentHelp("Requests a second in all, at fixed times.", valueName: "n"))
  var rate: Double?

  @Option(help: "Of queries: jsonl, csv, tsv or table.")
  var format = "jsonl"

  @Option(help: "Of batches: influx, jsonl or csv.")
  var data = "influx"

  @Option(help: "Of batches: memory, os, durable or published.")
  var ack = "durable"

  @Option(help: ArgumentHelp("Different batches, sent in turn.", valueName: "n"))
  var batches = 64

  @Flag(help: "Leave out the org of events: a token of one org may send no other.")
  var ownOrg = false

  @Flag(help: "Print one line of JSON.")
  var json = false

  func validate() throws {
    guard [ping, query != nil, insert != nil].count(where: { $0 }) == 1 else {
      throw ValidationError("expected one of --ping, --query and --insert")
    }
    try check("--insert", insert ?? 1, 1...100_000)
    try check("--connections", connections, 1...4_096)
    try check("--depth", depth, 1...10_000)
    try check("--batches", batches, 1...100_000)
    guard seconds > 0, seconds <= 86_400, warmUp >= 0, warmUp <= 3_600 else {
      throw ValidationError(
        "found --seconds \(seconds) and --warm-up \(warmUp), expected 0 or more")
    }
    if let rate, !(rate > 0 && rate <= 10_000_000) {
      throw ValidationError("found --rate \(rate), expected up to 10000000")
    }
    guard ResultFormat(rawValue: format) != nil else {
      throw ValidationError("found --format \(format), expected jsonl, csv, tsv or table")
    }
    guard DataFormat(rawValue: data) != nil else {
      throw ValidationError("found --data \(data), expected influx, jsonl or csv")
    }
    guard AckLevel(rawValue: ack) != nil else {
      throw ValidationError("found --ack \(ack), expected memory, os, durable or published")
    }
  }

  private func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
    guard !range.contains(value) else { return }
    throw ValidationError(
      "found \(name) \(value), expected \(range.lowerBound) to \(range.upperBound)")
  }

  func run() throws {
    let configuration = try server.configuration()
    var plan = BenchPlan(
      kind: ping ? "ping" : query != nil ? "query" : "insert", requests: try requests(),
      connectionCount: connections, depth: depth, warmUp: .nanoseconds(Int64(warmUp * 1e9)),
      duration: .nanoseconds(Int64(seconds * 1e9)))
    plan.rate = rate
    plan.isEncrypted = configuration.tls != nil
    plan.greeting = [
      configuration.token.map { "AUTH TOKEN \($0)\n" }, configuration.org.map { "USE org=\($0)\n" },
    ].compactMap { $0 }
    let report = try BenchRun.run(plan, configuration)
    let output = OutputBuffer.standardOutput()
    try output.write(json ? report.json : report.text)
    try output.flush()
    if report.failureCount > 0 || report.unansweredCount > 0 { throw ExitCode(1) }
  }

  private func requests() throws -> [ByteBuffer] {
    if let insert {
      return try BenchEvents(
        rowsPerBatch: insert, batchCount: batches, data: data, acknowledgement: ack,
        sendsOrg: !ownOrg
      ).requests()
    }
    var bytes: [UInt8] = []
    if let query {
      var options = QueryOptions()
      options.format = ResultFormat(rawValue: format)
      Request(.query(text: query, options: options)).encode(into: &bytes)
    } else {
      Request(.ping(text: "")).encode(into: &bytes)
    }
    return [ByteBuffer(bytes: bytes)]
  }
}
