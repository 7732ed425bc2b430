import Foundation
import Testing

/// Bad input gets a clear error, and nothing else is lost.
@Suite("tally import")
struct ImportCommandTests {
  private let scratch = try? ScratchFolder()
  private var folder: URL { get throws { try #require(scratch).url } }
  private var store: String { get throws { try folder.appending(path: "s.tally").path } }

  private func file(_ name: String, _ bytes: Data) throws -> String {
    let url = try folder.appending(path: name)
    try bytes.write(to: url)
    return url.path
  }

  private func load(_ arguments: String..., input: String = "") throws -> TallyProcess {
    try TallyProcess.run(["import", "--db", store] + arguments, input: input)
  }

  private func count() throws -> String {
    try TallyProcess.run(["query", "--db", store, "--format", "csv", "count(*)"]).output
  }

  @Test("InfluxDB line protocol is told by its name, by its look and by --format")
  func influx() throws {
    let lines = """
      usage,org=acme,model=m\\ 1 input_tokens=812i,cost=0.0123 1789000000000000000
      usage,org=acme cost=abc 1789000000000000000
      """
    let named = try file("events.lp", Data(lines.utf8))
    let run = try load(named)
    #expect(run.output == "imported=1 rejected=1 duplicates=0\n")
    #expect(run.errors.contains("events.lp:2: field 'cost': 'abc' is not a number"))
    #expect(try load("-", input: lines).output == "imported=1 rejected=1 duplicates=0\n")
    let other = try load(
      "--format", "influx", "--measurement", "llm", "--time-unit", "s", "-",
      input: "llm,org=acme cost=1 1789000000\nusage cost=1 1\n")
    #expect(other.output == "imported=1 rejected=1 duplicates=0\n")
    let rows = try TallyProcess.run([
      "query", "--db", store, "--format", "csv", "select sum(cost), min(time), max(model)",
    ])
    #expect(rows.output.split(separator: "\n").last == "1.024600000,2026-09-10T00:26:40Z,m 1")
  }

  private static let badLines: [(text: String, column: String, reason: String)] = [
    (#"{"time":"2026-01-05T10:00:00Z","input_tokens":"#, "input_tokens", "malformed JSON"),
    (#"{"time":"2026-01-05T10:00:00Z","input_tokens":"many"}"#, "input_tokens", "'many'"),
    (
      #"{"time":"2026-01-05T10:00:00Z","input_tokens":9223372036854775808}"#, "input_tokens",
      "64-bit"
    ),
    (#"{"time":"2026-01-05T10:00:00Z","cost":NaN}"#, "cost", "not a finite number"),
    (#"{"time":"2026-01-05T10:00:00Z","input_tokens":-5}"#, "input_tokens", "negative"),
    (#"{"org":"a"}"#, "time", "no time"),
    (#"{"time":"0001-01-01T00:00:00Z"}"#, "time", "1970 to 2261"),
    (#"{"time":"9999-01-01T00:00:00Z"}"#, "time", "1970 to 2261"),
  ]

  @Test("each bad row is kept with line, column, reason and text; the rows around it are there")
  func rejects() throws {
    let good = #"{"time":"2026-01-05T10:00:00Z","org":"acme"}"#
    var lines = [good]
    for bad in ImportCommandTests.badLines { lines += [bad.text, good] }
    let input = try file("bad.jsonl", Data(lines.joined(separator: "\n").utf8))
    let rejects = try folder.appending(path: "rejects.jsonl")
    let run = try load("--rejects", rejects.path, input)
    #expect(run.output == "imported=9 rejected=8 duplicates=0\n")
    #expect(run.status == 0)
    #expect(try count() == "count(*)\n9\n")
    let kept = try String(contentsOf: rejects, encoding: .utf8).split(separator: "\n")
    #expect(kept.count == 8)
    struct Reject: Decodable {
      var line: Int
      var column: String
      var reason: String
      var text: String
    }
    for (index, bad) in ImportCommandTests.badLines.enumerated() {
      let reject = try JSONDecoder().decode(Reject.self, from: Data(kept[index].utf8))
      #expect(reject.line == 2 * index + 2 && reject.column == bad.column)
      #expect(reject.reason.contains(bad.reason) && reject.text == bad.text)
    }
  }

  @Test("an unclosed quote costs its own line, an overlong line is no danger")
  func damagedLines() throws {
    let csv = "time,org\n2026-01-05 10:00:00,a\n2026-01-05 10:00:00,\"open\n2026-01-05,z\n"
    #expect(
      try load(file("b.csv", Data(csv.utf8))).output == "imported=2 rejected=1 duplicates=0\n")
    var long = Data(#"{"time":"2026-01-05T10:00:00Z","org":""#.utf8)
    long.append(Data(repeating: 120, count: 3_000_000))
    long.append(Data("\"}\n{\"time\":\"2026-01-05T10:00:00Z\",\"org\":\"\u{FF}b\"}\n".utf8))
    let run = try load(file("long.jsonl", long))
    #expect(run.output == "imported=1 rejected=1 duplicates=0\n")
    #expect(run.errors.contains("the limit is 1048576"))
  }

  @Test("a truncated file, a directory, a missing and an empty file each say what they are")
  func wrongFiles() throws {
    let target = try folder.appending(path: "t.csv.gz").path
    let whole = try TallyProcess.shell(
      "printf 'time,org\\n2026-01-05,a\\n2026-01-06,b\\n' | gzip -c | head -c 40 > '\(target)'")
    #expect(whole.status == 0)
    let truncated = try load(target)
    #expect(truncated.status == 3 && truncated.errors.contains("truncated"))
    let directory = try load(folder.path)
    #expect(directory.status == 3 && directory.errors.contains("is a directory"))
    let missing = try load("nowhere.jsonl")
    #expect(missing.status == 3 && missing.errors.contains("there is no file 'nowhere.jsonl'"))
    let empty = try load(file("empty.jsonl", Data()))
    #expect(empty.status == 0 && empty.output == "imported=0 rejected=0 duplicates=0\n")
  }

  @Test("a constant that does not fit is a usage error, before a store is made")
  func constants() throws {
    let input = try file("one.csv", Data("time\n2026-01-05\n".utf8))
    let run = try load("--set", "input_tokens=abc", input)
    #expect(run.status == 2 && run.errors.contains("'abc' is not a number"))
    #expect(try !FileManager.default.fileExists(atPath: store))
    #expect(try load("--set", "org=acme", "--map", "time=time", input).status == 0)
    #expect(try count() == "count(*)\n1\n")
  }

  @Test("a closed pipe ends generate quietly")
  func closedPipe() throws {
    let run = try TallyProcess.shell(
      "set -o pipefail; tally generate --output - --events 50000 --days 2 | head -n 1 | wc -l")
    #expect(run.status == 0 && run.output.filter { !$0.isWhitespace } == "1")
  }
}
