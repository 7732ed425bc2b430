import Foundation
import Testing

@Suite("tally compact")
struct CompactCommandTests {
  @Test("merges what imports have left, keeps every answer, and finds nothing to do again")
  func compact() throws {
    let scratch = try ScratchFolder()
    let path = scratch.url.appending(path: "store").path
    for number in 0..<3 {
      let lines = (0..<4).map { index in
        #"{"time":"2026-01-0\#(5 + index % 2)T00:00:0\#(index)Z","org":"acme","#
          + #""input_tokens":\#(number * 10 + index),"event_id":"\#(number)-\#(index)"}"#
      }
      let imported = try TallyProcess.run(
        ["import", "--db", path, "-"], input: lines.joined(separator: "\n"))
      #expect(imported.status == 0)
    }
    let query = ["query", "--db", path, "--format", "csv", "sum(input_tokens), count(*) by org"]
    let before = try TallyProcess.run(query)
    let one = try TallyProcess.run(["compact", "--db", path, "--day", "2026-01-06"])
    #expect(one.output.hasPrefix("2026-01-06 rows=6 segments=3->1 bytes="))
    #expect(one.output.contains("\ncompacted days=1 segments=3->1 bytes="))
    let rest = try TallyProcess.run(["compact", "--db", path, "--threads", "2"])
    #expect(rest.output.hasPrefix("2026-01-05 rows=6 segments=3->1 bytes="))
    let none = try TallyProcess.run(["compact", "--db", path])
    #expect(none.output == "compacted days=0 segments=0->0 bytes=0->0\n")
    #expect(try TallyProcess.run(query).output == before.output)
    let files = try FileManager.default.subpathsOfDirectory(atPath: path)
    #expect(files.count { $0.hasSuffix(".seg") } == 2)
  }

  @Test("stores costs as prices again when segments are merged")
  func linear() throws {
    let scratch = try ScratchFolder()
    let path = scratch.url.appending(path: "store").path
    for seed in ["1", "2"] {
      let made = try TallyProcess.run([
        "generate", "--db", path, "--events", "6000", "--days", "1", "--seed", seed,
      ])
      #expect(made.status == 0)
    }
    let query = [
      "query", "--db", path, "--format", "csv", "--no-rollups",
      "select org, model, sum(cost) as c, sum(latency_ms) as l, count(*) as n from usage "
        + "group by org, model order by org, model",
    ]
    let before = try TallyProcess.run(query)
    let compacted = try TallyProcess.run(["compact", "--db", path])
    #expect(compacted.output.contains("segments=2->1"))
    let after = try TallyProcess.run(query)
    #expect(after.status == 0 && after.output == before.output)
    let sizes = try TallyProcess.run(["inspect", "--sizes", path, "--format", "csv"])
    let cost = sizes.output.split(separator: "\n").first { $0.hasPrefix("column,cost,") }
    #expect(cost?.hasSuffix(",linear 1") == true)
    #expect(try TallyProcess.run(["verify", "--db", path, "--deep"]).status == 0)
  }

  @Test("refuses options that make no sense, and stores that are not there")
  func refusals() throws {
    for arguments in [
      ["--day", "yesterday"], ["--day", "2026-02-30"], ["--threads", "0"], ["--rate-mib", "0"],
    ] {
      #expect(try TallyProcess.run(["compact"] + arguments).status == 2, "\(arguments)")
    }
    let missing = try TallyProcess.run(["compact", "--db", "no/such/store"])
    #expect(missing.status == 3)
    #expect(missing.errors.contains("no/such/store"))
  }

  @Test("Of a hundred processes that want to write, one does; the others say who")
  func hundredWriters() throws {
    let script = """
      cd "$(mktemp -d)" && mkfifo input && exec 3<>input
      tally import --db s - <<< '{"time":"2026-01-05T00:00:00Z"}' > /dev/null || exit 9
      for number in $(seq 100); do
        (exec 3>&-; tally import --db s - < input > out.$number 2> err.$number
         echo $? > status.$number) &
      done
      for pause in $(seq 600); do
        [ "$(ls status.* 2> /dev/null | wc -l)" -ge 99 ] && break
        sleep 0.1
      done
      echo "losers $(cat status.* | grep -c '^3$')"
      echo "told $(grep -l 'the store is being written by' err.* | wc -l)"
      echo '{"time":"2026-01-05T00:00:01Z"}' >&3
      exec 3>&-
      wait
      echo "winners $(cat status.* | grep -c '^0$')"
      rm -r "$PWD"
      """
    let result = try TallyProcess.shell(script)
    #expect(result.output == "losers 99\ntold 99\nwinners 1\n")
  }
}
