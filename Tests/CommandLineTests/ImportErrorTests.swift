import Foundation
import Testing

/// Inputs as they come: broken lines, broken files, wrong options.
@Suite("tally import of bad input")
struct ImportErrorTests {
  let folder: ScratchFolder
  var store: String { path("s") }

  init() throws { folder = try ScratchFolder() }

  private func path(_ name: String) -> String { folder.url.appending(path: name).path }

  private func write(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: folder.url.appending(path: name))
  }

  private func importing(_ arguments: String..., input: String = "") throws -> TallyProcess {
    try TallyProcess.run(["import", "--db", store] + arguments, input: input)
  }

  /// Number of rows and sum of `input_tokens`.
  private func counts() throws -> String {
    try TallyProcess.run([
      "query", "--db", store, "--format", "jsonl",
      "SELECT count(*) AS n, sum(input_tokens) AS t",
    ]).output
  }

  private static func row(_ tokens: Int, _ more: String = "") -> String {
    #"{"time":"2026-01-05T10:00:00Z","org":"acme","input_tokens":\#(tokens)\#(more)}"#
  }

  /// Each line with what its message says.
  static let badLines: [(line: String, message: String)] = [
    (#"{"time":"2026-01-05T10:00:00Z","org":"ac"#, "field 'org': malformed JSON"),
    (row(7).replacing(":7", with: #":"many""#), "'many' is not a number"),
    (row(7).replacing(":7", with: ":9223372036854775808"), "'9223372036854775808' is out of the"),
    (row(7, #","cost":NaN"#), "'NaN' is not a finite number"),
    (row(-7), "'-7' is negative, a count was expected"),
    (#"{"org":"acme"}"#, "the row has no time; a field 'time'"),
    (row(7).replacing("2026", with: "0001"), "'0001-01-05T10:00:00Z' is outside the years"),
    (row(7).replacing("2026", with: "9999"), "'9999-01-05T10:00:00Z' is outside the years"),
    ("hello", "found 'hello', an object was expected"),
  ]

  @Test("bad lines are named by file, line and field; the rows around them are all there")
  func badJson() throws {
    var text = Self.row(1) + "\n"
    for bad in Self.badLines { text += bad.line + "\n" + Self.row(10) + "\n" }
    try write(text, "bad.jsonl")
    let file = path("bad.jsonl")
    let run = try importing(file)
    #expect(run.output == "imported=10 rejected=9 duplicates=0\n")
    let messages = run.errors.split(separator: "\n")
    #expect(messages.count == Self.badLines.count)
    for (index, (message, bad)) in zip(messages, Self.badLines).enumerated() {
      #expect(message.hasPrefix("\(file):\(2 * index + 2): "))
      #expect(message.contains(bad.message), "\(message)")
    }
    #expect(run.status == 0)
    #expect(try counts() == "{\"n\":10,\"t\":91}\n")
  }

  @Test("compressed files and standard input are no different", arguments: ["gzip", "zstd", "cat"])
  func compressed(tool: String) throws {
    try write("time,org,input_tokens\n2026-01-05,a,1\n2026-01-05,b,many\n2026-01-05,c,2\n", "x.csv")
    let run = try TallyProcess.shell(
      """
      cd '\(folder.url.path)'; command -v \(tool) > /dev/null || { echo missing; exit; }
      \(tool == "cat" ? "cat" : "\(tool) -qc") x.csv > x; tally import --db s x
      tally import --db s - < x; echo $?
      """)
    if run.output == "missing\n" { return }
    #expect(
      run.output == """
        x:3: field 'input_tokens': 'many' is not a number
        imported=2 rejected=1 duplicates=0
        -:3: field 'input_tokens': 'many' is not a number
        imported=2 rejected=1 duplicates=0
        0

        """)
    #expect(try counts() == "{\"n\":4,\"t\":6}\n")
  }

  @Test("--rejects keeps the line, its place, the reason, and bytes that are no text")
  func rejects() throws {
    let file = path("bad.csv")
    var bytes = Data("time,org,input_tokens\n2026-01-05,\"two\nlines\",1\n2026-01-05,a,x\n".utf8)
    bytes += Data("2026-01-05,".utf8) + [0xFF, 0xFE] + Data(",1\n2026-01-05,a,2\n".utf8)
    bytes += Data("2026-01-05,\"open,1\n2026-01-05,b,4\n".utf8)
    try bytes.write(to: URL(filePath: file))
    let run = try importing("--rejects", path("rejects"), file)
    #expect(run.output == "imported=3 rejected=3 duplicates=0\n")
    #expect(run.errors == "3 rejected lines are in '\(path("rejects"))'\n")
    #expect(
      try String(contentsOfFile: path("rejects"), encoding: .utf8) == """
        {"file":"\(file)","line":4,"column":"input_tokens","reason":"'x' is not a number",\
        "text":"2026-01-05,a,x"}
        {"file":"\(file)","line":5,"column":"","reason":"invalid UTF-8; text in UTF-8 was \
        expected",\
        "text":"2026-01-05,\u{FFFD}\u{FFFD},1","bytes":"323032362d30312d30352cfffe2c31"}
        {"file":"\(file)","line":7,"column":"","reason":"a quoted field is not closed",\
        "text":"2026-01-05,\\"open,1"}

        """)
    #expect(try counts() == "{\"n\":3,\"t\":7}\n")
  }

  @Test("rejects are never written over an input")
  func rejectsOverInput() throws {
    try write("hello\n", "in.jsonl")
    let run = try importing(
      "--rejects", path("../\(folder.url.lastPathComponent)/in.jsonl"),
      path("in.jsonl"))
    #expect(run.status == 2 && run.errors.contains("which is an input"))
    #expect(try String(contentsOfFile: path("in.jsonl"), encoding: .utf8) == "hello\n")
  }

  @Test("a truncated file keeps the rows before; a wrong checksum imports nothing")
  func damagedCompression() throws {
    try write((1...5_000).map { Self.row($0) }.joined(separator: "\n") + "\n", "good.jsonl")
    _ = try TallyProcess.shell("gzip -k '\(path("good.jsonl"))'")
    var bytes = try Data(contentsOf: folder.url.appending(path: "good.jsonl.gz"))
    try bytes.prefix(bytes.count / 2).write(to: folder.url.appending(path: "half.gz"))
    let half = try importing(path("half.gz"), path("good.jsonl"))
    #expect(half.status == 3)
    #expect(half.errors.contains("the gzip data ends in the middle: the file is truncated"))
    #expect(half.errors.contains("1 of 2 inputs could not be read to the end"))
    let rows = try #require(half.output.split(separator: " ").first?.dropFirst(9)).description
    #expect(try #require(Int(rows)) > 5_000)
    let before = try counts()
    #expect(before.hasPrefix("{\"n\":\(rows),"))
    bytes[bytes.count - 6] ^= 1
    try bytes.write(to: folder.url.appending(path: "wrong.gz"))
    let wrong = try importing(path("good.jsonl"), path("wrong.gz"))
    #expect(wrong.status == 3 && wrong.output == "")
    #expect(wrong.errors.contains("corruption: the gzip data is corrupt: incorrect data check"))
    #expect(wrong.errors.contains("nothing was imported, the store is as it was"))
    #expect(try counts() == before)
  }

  @Test("what is no file of events is told before anything is created")
  func wrongFiles() throws {
    let directory = try importing(folder.url.path)
    #expect(directory.status == 3 && directory.errors.contains("is a directory, a file was"))
    try write(Self.row(1), "good.jsonl")
    let missing = try importing(path("good.jsonl"), path("none.jsonl"))
    #expect(missing.status == 3 && missing.errors.contains("there is no file"))
    #expect(!FileManager.default.fileExists(atPath: store))
    try write("", "empty.jsonl")
    let empty = try importing(path("empty.jsonl"))
    #expect(empty.status == 0 && empty.errors.hasSuffix("empty.jsonl' is empty\n"))
    #expect(empty.output == "imported=0 rejected=0 duplicates=0\n")
  }

  @Test("other encodings and binary files are refused as a whole")
  func otherEncodings() throws {
    for (bytes, message) in [
      (Data([0xFF, 0xFE, 0x7B, 0x00, 0x0A, 0x00]), "the byte order mark of UTF-16"),
      (Data(count: 1_000), "a zero byte in the first line"),
      (Data("time,org,org\n1,a,b\n".utf8), "the csv header names 'org' twice"),
      (Data("time,\"org\n1,a,b\n".utf8), "a quote in the csv header is not closed"),
    ] {
      try bytes.write(to: folder.url.appending(path: "odd"))
      let run = try importing(path("odd"))
      #expect(run.status == 3 && run.errors.contains(message), "\(run.errors)")
      #expect(run.errors.contains("no row was imported"))
      #expect(run.output == "imported=0 rejected=0 duplicates=0\n")
    }
  }

  @Test(
    "wrong options are usage errors, with what was expected",
    arguments: [
      (["--map", "foo"], "found --map 'foo', expected FIELD=COLUMN"),
      (["--map", "a=b", "--map", "a=c"], "field 'a' is mapped twice, to 'b' and 'c'"),
      (["--set", "org=x", "--set", "org=y"], "column 'org' is set twice"),
      (["--set", "input_tokens=many"], "'input_tokens' cannot be set: 'many' is not a number"),
      (["--strict", "--set", "modle=x"], "did you mean 'model'?"),
      (["--time-unit", "min"], "found --time-unit 'min', expected s, ms, us or ns"),
      (["--time-origin", "noon"], "found --time-origin 'noon', expected an RFC 3339 time"),
      (["--format", "parquet"], "found --format 'parquet', expected auto, jsonl, csv or influx"),
    ])
  func wrongOptions(options: [String], message: String) throws {
    let run = try TallyProcess.run(["import", "--db", store] + options + ["-"], input: Self.row(1))
    #expect(run.status == 2)
    #expect(run.errors.contains(message), "\(run.errors)")
    #expect(run.output == "")
  }

  @Test("--time-unit and --time-origin make numbers times")
  func times() throws {
    let run = try importing(
      "--time-unit", "s", "--time-origin", "2026-01-01T00:00:00Z", "-",
      input: "{\"time\":5}\n{\"time\":7.5}\n")
    #expect(run.output == "imported=2 rejected=0 duplicates=0\n")
    let rows = try TallyProcess.run([
      "query", "--db", store, "--format", "csv", "SELECT time ORDER BY time",
    ])
    #expect(rows.output == "time\n2026-01-01T00:00:05Z\n2026-01-01T00:00:07.5Z\n")
  }

  @Test("an output that cannot be written is reported, not ignored")
  func fullOutput() throws {
    try write(Self.row(1), "good.jsonl")
    let run = try TallyProcess.shell(
      "tally import --db '\(store)' '\(path("good.jsonl"))' > /dev/full; echo $?")
    #expect(run.output.contains("writing the output failed"))
    #expect(run.output.hasSuffix("1 rows were imported\n3\n"))
  }
}
