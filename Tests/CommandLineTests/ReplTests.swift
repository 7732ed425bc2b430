import Testing

@Suite("tally repl, fed by a pipe")
struct ReplTests {
  let store: SmallStore

  init() throws { store = try SmallStore() }

  private func repl(_ input: String) throws -> TallyProcess {
    try TallyProcess.run(["--db", store.path], input: input)
  }

  @Test("statements end with a semicolon, an empty line or the end; no prompt is written")
  func statements() throws {
    let run = try repl(
      ".mode csv\nSELECT count(*) AS a\nFROM usage;\ncount(*) as b\n\ncount(*) as c")
    #expect(run.output == "a\n5\nb\n5\nc\n5\n")
    #expect(run.errors == "" && run.status == 0)
  }

  @Test("an error is shown, the rest still runs, and the exit code tells")
  func errors() throws {
    let run = try repl(".mode csv\nSELECT 'a;\n\n';\nSELECT nope;\ncount(*) as n;\n")
    #expect(run.output.hasSuffix("n\n5\n"))
    #expect(run.errors.contains("nope"))
    #expect(run.status == 1)
  }

  @Test("commands of the prompt")
  func commands() throws {
    #expect(try repl(".mode jsonl\n.mode\n").output == "jsonl\n")
    #expect(try repl(".help\n").output.contains(".timer on|off"))
    #expect(try repl(".tables\n.quit\ncount(*);\n").output == "usage\n")
    #expect(try repl(".schema\n").output.contains("input_tokens"))
    #expect(try repl(".moed csv\n").errors.contains("did you mean .mode?"))
    let asked = "SET page_cache = '1MB';\nSELECT max(user) FROM usage;\n.mode csv\n.stats\n"
    let stats = try repl(asked).output
    #expect(stats.contains("cache,hits,misses,evictions,entries,bytes,bytes_max\npage_cache,"))
    #expect(stats.contains(",1000000\nresult_cache,0,0,0,0,0,0\n"))
    #expect(try repl(".timer on\ncount(*);\n").errors.contains("rows scanned"))
  }
}

@Suite("tally stats")
struct StatsTests {
  @Test("counts rows, segments and bytes")
  func stats() throws {
    let store = try SmallStore()
    let run = try TallyProcess.run(["stats", "--db", store.path, "--format", "jsonl"])
    #expect(run.output.hasPrefix("{\"rows\":5,\"partitions\":1,\"segments\":1,\"segment_bytes\":"))
    #expect(run.output.contains("\"first_event\":\"2026-01-05T10:00:00Z\""))
    let columns = try TallyProcess.run(
      ["stats", "--db", store.path, "--by", "columns", "--format", "csv"])
    #expect(columns.output.contains("\ncost,\"decimal(18,9)\","))
    #expect(try TallyProcess.run(["stats", "--db", "no-such-store"]).status == 3)
  }
}
