import Foundation
import Testing

/// What a mistake in a query is answered with.
@Suite("mistakes in queries")
struct QueryErrorTests {
  let store: SmallStore

  init() throws { store = try SmallStore() }

  private func query(_ text: String) throws -> TallyProcess {
    try TallyProcess.run(["query", "--db", store.path, "--format", "csv"], input: text)
  }

  static let mistakes: [(query: String, messages: [String])] = [
    ("sum(cost) by orgg", ["unknown column \"orgg\"", "did you mean \"org\"?"]),
    ("summ(cost)", ["unknown function \"summ\"", "did you mean \"sum\"?"]),
    ("count(*) where sum(cost) > 1", ["aggregate sum() cannot stand in WHERE", "HAVING"]),
    ("count(*) last 7d since '2026-01-01'", ["found a second time range, expected one"]),
    ("count(*) since '2026-02-30'", ["'2026-02-30' names no time", "hint: write '2026'"]),
    ("SELECT 9223372036854775807 + 1", ["overflows int64", "double"]),
    ("SELECT $1", ["parameter $1 has no value"]),
    (
      "SET memory_limt = 5",
      ["unknown setting 'memory_limt'", "did you mean 'memory_limit_mib'?"]
    ),
    (
      "SET colour = 'red'",
      [
        "unknown setting 'colour'",
        "settings are threads, memory_limit_mib, allow_partial, rollups",
      ]
    ),
    ("SET threads = 'many'", ["found 'many' for 'threads', expected a whole number from 1"]),
    ("SET threads = 0", ["found 0 for 'threads', expected a whole number from 1"]),
    ("SET page_cache = 'big'", ["found 'big' for 'page_cache', expected bytes such as '512MB'"]),
    ("", ["found no statement, expected a query"]),
    (";;", ["found no statement, expected a query"]),
  ]

  @Test("each says what was found and what to do, with exit code 1", arguments: mistakes)
  func mistake(text: String, messages: [String]) throws {
    let run = try query(text)
    #expect(run.status == 1)
    #expect(run.output == "")
    for message in messages { #expect(run.errors.contains(message), "\(run.errors)") }
  }

  @Test("the caret stands under the mistake, also behind wide characters and in later lines")
  func carets() throws {
    #expect(
      try query("SELECT '日本語', summ(cost)").errors == """
        error: unknown function "summ"
          1 | SELECT '日本語', summ(cost)
            |                  ^^^^
        hint: did you mean "sum"?

        """)
    #expect(
      try query("SELECT 1 AS x;\nSELECT org,\n  nope").errors.hasPrefix(
        "error: unknown column \"nope\"\n  3 |   nope\n    |   ^^^^\n"))
  }

  @Test("limits end a query with a message, not with a crash")
  func limits() throws {
    let items = (0...10_000).map(String.init).joined(separator: ",")
    for (text, message) in [
      ("SELECT " + String(repeating: "(", count: 10_000), "nests more than 64 levels deep"),
      ("SELECT " + String(repeating: "NOT ", count: 10_000), "nests more than 64 levels deep"),
      ("SELECT 1" + String(repeating: "+1", count: 10_000), "chains more than 256 operators"),
      ("SELECT 1 -- " + String(repeating: "x", count: 257 << 10), "expected at most 262144"),
      ("count(*) where input_tokens in (\(items))", "the IN list has more than 10000 items"),
    ] {
      let run = try query(text)
      #expect(run.status == 1)
      #expect(run.errors.contains("limit reached: ") && run.errors.contains(message))
    }
  }

  @Test("the memory limit says how to raise it")
  func memoryLimit() throws {
    let rows = (0..<20_000).map {
      #"{"time":"2026-01-05T10:00:00Z","event_id":"\#(String(repeating: "x", count: 60))\#($0)"}"#
    }
    let path = store.path
    let load = try TallyProcess.run(
      ["import", "--db", path, "-"], input: rows.joined(separator: "\n"))
    #expect(load.status == 0)
    let run = try query("SET memory_limit_mib = 1; SELECT event_id, count(*) BY event_id")
    #expect(run.status == 1)
    #expect(
      run.errors.contains("limit reached: the query needs more than its memory limit of 1 MiB"))
    #expect(run.errors.contains("SET memory_limit_mib higher"))
  }

  @Test("a value that no row has is not an error, but hinted at")
  func unknownValues() throws {
    let near = try query("count(*) where org = 'acmee'")
    #expect(near.status == 0 && near.output == "count(*)\n0\n")
    #expect(near.errors.contains("no row has org = 'acmee'"))
    #expect(near.errors.contains("hint: did you mean 'acme'?"))
    let far = try query("count(*) where org = 'something else'")
    #expect(far.errors.contains("hint: SHOW VALUES org lists what there is"))
  }

  @Test("no rows are a header, and no message")
  func empty() throws {
    let run = try query("SELECT org WHERE input_tokens < 0")
    #expect(run.status == 0 && run.output == "org\n" && run.errors == "")
  }

  @Test("query text that is not UTF-8 is refused")
  func notUTF8() throws {
    let run = try TallyProcess.shell(
      "printf 'SELECT \\xff' | tally query --db '\(store.path)' 2>&1; echo $?")
    #expect(run.output.contains("are not UTF-8, expected queries in UTF-8"))
    #expect(run.output.hasSuffix("\n1\n"))
  }

  @Test("a mistyped subcommand is answered with the nearest one")
  func subcommands() throws {
    let near = try TallyProcess.run(["imprt", "x.jsonl"])
    #expect(near.status == 2)
    #expect(near.errors.contains("found subcommand 'imprt'; did you mean \"import\"?"))
    let far = try TallyProcess.run(["frobnicate"])
    #expect(far.status == 2 && far.errors.contains("subcommands are repl, query"))
  }

  @Test(
    "every subcommand has help",
    arguments: ["repl", "query", "stats", "inspect", "import", "generate", "demo"])
  func help(subcommand: String) throws {
    let run = try TallyProcess.run([subcommand, "--help"])
    #expect(run.status == 0 && run.errors == "")
    #expect(run.output.contains("USAGE: tally \(subcommand) "))
    #expect(try TallyProcess.run(["help", subcommand]).output == run.output)
    #expect(try TallyProcess.run(["--help"]).output.contains("\n  \(subcommand) "))
  }

  @Test("a long table shows every value in full when it goes to a file")
  func longTable() throws {
    let row = #"{"time":"2026-01-06T10:00:00Z","org":"acme","input_tokens":0}"#
    let last = #"{"time":"2026-01-06T11:00:00Z","org":"a much wider name","input_tokens":0}"#
    let rows = [String](repeating: row, count: 10_010) + [last]
    _ = try TallyProcess.run(
      ["import", "--db", store.path, "-"], input: rows.joined(separator: "\n"))
    let run = try TallyProcess.run([
      "query", "--db", store.path, "SELECT org WHERE input_tokens = 0 ORDER BY time",
    ])
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 10_011 + 5)
    #expect(lines.dropFirst(3).first == "│ acme │")
    #expect(lines.dropLast(2).last == "│ a much wider name │")
  }
}
