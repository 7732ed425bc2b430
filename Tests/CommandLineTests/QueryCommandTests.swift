import Testing

@Suite("tally query")
struct QueryCommandTests {
  let store: SmallStore

  init() throws { store = try SmallStore() }

  private func query(_ arguments: String..., input: String = "") throws -> TallyProcess {
    try TallyProcess.run(["query", "--db", store.path] + arguments, input: input)
  }

  static let everything =
    "SELECT org, time, input_tokens AS n, cost FROM usage ORDER BY n"

  @Test("jsonl writes exact numbers, RFC 3339 times and null")
  func jsonLines() throws {
    let run = try query("--format", "jsonl", Self.everything)
    #expect(
      run.output == #"""
        {"org":"","time":"2026-01-05T10:00:01.5Z","n":2,"cost":-0.000000001}
        {"org":"a,\"b\"\nc","time":"2026-01-05T10:00:02Z","n":3,"cost":0.000000000}
        {"org":"日本|\u001b[31m","time":"2026-01-05T10:00:03.000001Z","n":4,"cost":1.000000000}
        {"org":null,"time":"2026-01-05T10:00:00Z","n":5,"cost":null}
        {"org":"acme","time":"2026-01-05T10:00:00Z","n":9007199254740993,"cost":12.500000000}

        """#)
    #expect(run.errors == "" && run.status == 0)
  }

  @Test("json writes one array, also of no rows")
  func json() throws {
    let run = try query("--format", "json", "SELECT org FROM usage WHERE cost > 2")
    #expect(run.output == "[\n  {\"org\":\"acme\"}\n]\n")
    #expect(try query("--format", "json", "SELECT org FROM usage WHERE cost > 99").output == "[]\n")
  }

  @Test("csv quotes what must be quoted, and tells NULL from the empty text")
  func csv() throws {
    let run = try query(
      "--format", "csv", "SELECT org, cost AS \"a,b\" FROM usage ORDER BY input_tokens")
    #expect(
      run.output == """
        org,"a,b"
        "",-0.000000001
        "a,""b""
        c",0.000000000
        日本|\u{1B}[31m,1.000000000
        ,
        acme,12.500000000

        """)
  }

  @Test("tsv escapes")
  func tsv() throws {
    let run = try query("--format", "tsv", "SELECT org, success FROM usage ORDER BY input_tokens")
    #expect(
      run.output
        == "org\tsuccess\n\tfalse\na,\"b\"\\nc\ttrue\n日本|\u{1B}[31m\ttrue\n\\N\t\\N\nacme\ttrue\n")
  }

  @Test("markdown aligns numbers and escapes bars")
  func markdown() throws {
    let run = try query(
      "--format", "markdown", "SELECT org, cost FROM usage WHERE input_tokens = 4")
    #expect(
      run.output == """
        | org | cost |
        | --- | ---: |
        | 日本\\|\\x1b[31m | 1.000000000 |

        """)
  }

  @Test("the table aligns by display width and hides no control character")
  func table() throws {
    let run = try query("SELECT org, cost FROM usage ORDER BY input_tokens")
    #expect(
      run.output == """
        ┌───────────────┬──────────────┐
        │ org           │         cost │
        ├───────────────┼──────────────┤
        │               │ -0.000000001 │
        │ a,"b"\\nc      │  0.000000000 │
        │ 日本|\\x1b[31m │  1.000000000 │
        │ NULL          │         NULL │
        │ acme          │ 12.500000000 │
        └───────────────┴──────────────┘
        5 rows

        """)
  }

  @Test("several queries come from the argument, a file or standard input")
  func sources() throws {
    let text = "SELECT count(*) AS n FROM usage; -- the second; one\nby org where cost > 2"
    let expected = "n\n5\norg,count\nacme,1\n"
    #expect(try query("--format", "csv", text).output == expected)
    #expect(try query("--format", "csv", input: text).output == expected)
    #expect(try query("--format", "csv", "-f", "-", input: text).output == expected)
  }

  @Test("--timing reports every execution, --repeat prints rows once")
  func timing() throws {
    let run = try query(
      "--format", "csv", "--timing", "--repeat", "2", "SELECT org FROM usage; count(*)")
    #expect(run.output.split(separator: "\n").count == 1 + 6 + 1)
    let lines = run.errors.split(separator: "\n")
    #expect(lines.count == 4)
    let pattern = /query=[12] rows=[15] scanned=\d+ source=(rows|rollup) ms=\d+\.\d{3}/
    for line in lines { #expect(line.wholeMatch(of: pattern) != nil, "\(line)") }
  }

  @Test("what was summed up answers, unless it is switched off")
  func rollups() throws {
    let text = "SELECT count(*) AS n, sum(requests) AS r FROM usage"
    for (options, source) in [
      ([text], "scanned=1 source=rollup"), (["--no-rollups", text], "scanned=5 source=rows"),
      (["SET rollups = false; \(text)"], "scanned=5 source=rows"),
    ] {
      let run = try TallyProcess.run(
        ["query", "--db", store.path, "--format", "csv", "--timing"] + options, input: "")
      #expect(run.output == "n,r\n5,5\n")
      #expect(run.errors.contains(source), "\(run.errors)")
    }
    #expect(try query("EXPLAIN count(*)").output.contains("from stored sums of 1 segment"))
    let profile = try query("EXPLAIN ANALYZE count(*) by org").output
    for stage in [
      "time: parse ", "bind ", "optimize ", "plan ", "dispatch ", "execute ", "encode ",
    ] {
      #expect(profile.contains(stage))
    }
    #expect(try query("--format", "csv", "SHOW ROLLUPS").output.hasPrefix("rollup,segments,rows"))
  }

  @Test("answers are kept for a script that asks for it, and in no measurement")
  func resultCache() throws {
    let script = "SET result_cache = '1MB'; SELECT count(*) FROM usage; SELECT count(*) FROM usage"
    for (options, isKept) in [([], true), (["--repeat", "2"], false)] {
      let run = try TallyProcess.run(
        ["query", "--db", store.path, "--format", "csv", "--timing"] + options + [script],
        input: "")
      #expect(run.errors.contains("source=cache") == isKept, "\(run.errors)")
      #expect(run.output.hasSuffix("count(*)\n5\ncount(*)\n5\n"))
    }
    let twice = "SELECT count(*) FROM usage; SELECT count(*) FROM usage"
    #expect(try !query("--timing", twice).errors.contains("source=cache"))
  }

  @Test("errors go to standard error with a caret, after the rows that came before")
  func errors() throws {
    let run = try query(
      "--format", "csv", "SELECT 1 AS x FROM usage LIMIT 1;\n\nSLECT org FROM usage")
    #expect(run.status == 1)
    #expect(run.output == "x\n1\n")
    #expect(
      run.errors == """
        syntax error: found "SLECT", expected SELECT or another statement
          3 | SLECT org FROM usage
            | ^^^^^
        hint: did you mean SELECT?

        """)
  }

  @Test("exit codes are those of the contract")
  func exitCodes() throws {
    #expect(try query("SELECT nope FROM usage").status == 1)
    #expect(try query("--format", "xml", "count(*)").status == 2)
    #expect(try query("--repeat", "0", "count(*)").status == 2)
    #expect(try query("count(*)", "-f", "x").status == 2)
    #expect(try query("-f", "no-such-file").status == 3)
    #expect(try TallyProcess.run(["query", "--db", "no-such-store", "count(*)"]).status == 3)
    #expect(try TallyProcess.run(["bogus-command", "--bogus"]).status == 2)
    #expect(try TallyProcess.run(["--help"]).status == 0)
    #expect(try TallyProcess.run(["query", "--help"]).output.contains("USAGE: tally query"))
  }

  @Test("a reader that goes away ends the output quietly")
  func brokenPipe() throws {
    let run = try TallyProcess.shell(
      "yes 'SELECT org, time FROM usage;' 2>/dev/null | head -5000 | tally query "
        + "--db '\(store.path)'"
        + " --format csv | head -1; echo ${PIPESTATUS[2]}")
    #expect(run.output == "org,time\n0\n")
  }

  @Test("the store is also named by the environment")
  func environment() throws {
    let run = try TallyProcess.run(
      ["query", "--format", "csv", "count(*) as n"], environment: ["TALLY_DB": store.path])
    #expect(run.output == "n\n5\n")
  }
}
