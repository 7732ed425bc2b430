import Foundation
import Testing

/// What `tally import` says and keeps of events that come again.
@Suite struct ImportDuplicateCommandTests {
  private let scratch = try? ScratchFolder()
  private var folder: URL { get throws { try #require(scratch).url } }
  private var store: String { get throws { try folder.appending(path: "store").path } }

  private func load(_ name: String, _ text: String) throws -> TallyProcess {
    let path = try folder.appending(path: name)
    try Data(text.utf8).write(to: path)
    return try TallyProcess.run(["import", "--db", store, path.path])
  }

  private func answer(_ query: String) throws -> String {
    try TallyProcess.run(["query", "--db", store, "--format", "csv", query]).output
  }

  private func lines(_ rows: [(id: String, tokens: Int, cost: String)]) -> String {
    rows.map { row in
      "{\"time\":\"2026-01-05T10:00:00Z\",\"org\":\"a\",\"event_id\":\"\(row.id)\","
        + "\"input_tokens\":\(row.tokens),\"cost\":\(row.cost)}\n"
    }.joined()
  }

  @Test func repeatsAreCountedAndStoredOnce() throws {
    let events = lines([("x", 10, "1"), ("y", 20, "2"), ("z", 5, "4"), ("x", 11, "8")])
    #expect(try load("a.jsonl", events).output == "imported=3 rejected=0 duplicates=1\n")
    let query =
      "select count(*) as n, cast(sum(cost) as bigint) as c, sum(input_tokens) as t from usage"
    #expect(try answer(query) == "n,c,t\n3,14,36\n")
    #expect(try load("a.jsonl", events).output == "imported=0 rejected=0 duplicates=4\n")
    #expect(try answer(query) == "n,c,t\n3,14,36\n")
    let more = lines([("y", 19, "100"), ("z", 5, "5"), ("w", 1, "16")]) + "nonsense\n"
    #expect(try load("b.jsonl", more).output == "imported=1 rejected=1 duplicates=2\n")
    #expect(try answer(query) == "n,c,t\n4,31,37\n")
    #expect(try answer("show partitions").contains("2026-01-05,4,"))
  }
}
