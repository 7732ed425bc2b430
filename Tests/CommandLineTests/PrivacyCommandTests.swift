import Foundation
import Testing

/// What `tally retain` and `tally erase` say and do.
@Suite struct PrivacyCommandTests {
  private let scratch = try? ScratchFolder()
  private var folder: URL { get throws { try #require(scratch).url } }
  private var store: String { get throws { try folder.appending(path: "store").path } }

  private func load() throws {
    let lines = (1...9).map { day in
      "{\"time\":\"2020-01-0\(day)T10:00:00Z\",\"org\":\"o\(day % 2)\",\"user\":\"zq-ada\","
        + "\"model\":\"m\",\"input_tokens\":\(day),\"metadata\":\"by zq-ada\"}\n"
    }
    let path = try folder.appending(path: "a.jsonl")
    try Data(lines.joined().utf8).write(to: path)
    #expect(try TallyProcess.run(["import", "--db", store, path.path]).status == 0)
  }

  private func run(_ arguments: [String]) throws -> TallyProcess {
    try TallyProcess.run([arguments[0], "--db", store] + arguments.dropFirst())
  }

  private func answer(_ query: String) throws -> String {
    try run(["query", "--format", "csv", query]).output
  }

  @Test func erasingLeavesNoTraceAndAReceipt() throws {
    try load()
    let query = "select count(*) as n, sum(input_tokens) as t, count(\"user\") as u from usage"
    #expect(try answer(query) == "n,t,u\n9,45,9\n")
    let dry = try run(["erase", "--user", "zq-ada", "--dry-run"])
    #expect(dry.status == 0 && dry.output.contains("\"rows_changed\": 9"))
    #expect(try answer(query) == "n,t,u\n9,45,9\n")
    let erased = try run(["erase", "--user", "zq-ada"])
    #expect(erased.status == 0 && erased.output.contains("\"complete\": true"))
    #expect(!erased.output.contains("zq-ada"))
    #expect(try answer(query) == "n,t,u\n9,45,0\n")
    #expect(try answer("show values \"user\"") == "user\n")
    let root = try URL(filePath: store)
    let files = try #require(
      FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
    var count = 0
    for case let file as URL in files {
      guard let bytes = try? Data(contentsOf: file) else { continue }
      count += 1
      #expect(bytes.range(of: Data("zq-ada".utf8)) == nil, "\(file.path)")
    }
    #expect(count > 9)
    #expect(try run(["erase", "--user", ""]).status == 2)
  }

  @Test func retentionSaysWhatWent() throws {
    try load()
    let dry = try run(["retain", "--rows-days", "10", "--dry-run"])
    #expect(dry.output.contains("totals made: days=9 rows=0"))
    let totals = try run(["retain", "--rows-days", "10"])
    #expect(totals.status == 0 && totals.output.contains("retained days=9->9 rows=9->9"))
    let query = "select count(\"user\") as u, sum(input_tokens) as t from usage"
    #expect(try answer(query) == "u,t\n0,45\n")
    let all = try run(["retain", "--days", "10"])
    #expect(all.output.contains("days removed: days=9 rows=9"))
    #expect(all.output.contains("retained days=9->0 rows=9->0"))
    #expect(try run(["retain"]).status == 2)
    #expect(try run(["retain", "--column", "metadata"]).status == 2)
    #expect(try run(["retain", "--days", "1", "--column", "org"]).status != 0)
  }
}
