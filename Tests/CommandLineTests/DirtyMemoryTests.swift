import Foundation
import Testing

/// Queries over memory in which nothing is zero by chance: what a vector holds in rows that are
/// NULL or not selected is any byte, and must decide nothing.
@Suite("queries over dirty memory")
struct DirtyMemoryTests {
  @Test(arguments: [
    ("select count(*) as n from usage where not (case when model = 'm1' then beta end)", "n\n2\n"),
    (
      "select not coalesce(beta, success) as k, count(*) as n from usage group by k order by k",
      "k,n\nfalse,3\ntrue,3\n,4\n"
    ),
    (
      "select not nullif(beta, true) as k, count(*) as n from usage group by k order by k",
      "k,n\ntrue,2\n,8\n"
    ),
  ])
  func `bytes of rows without a value decide nothing`(query: String, expected: String) throws {
    let scratch = try ScratchFolder()
    let store = scratch.url.appending(path: "usage.tally").path
    let events = (0..<10).map { number in
      var event = "{\"time\":\(1_789_000_000 + number),\"model\":\"m\(number % 3)\""
      if number % 3 == 1 { event += ",\"beta\":\(number % 2 == 0)" }
      if number % 2 == 1 { event += ",\"success\":\(number % 4 == 1)" }
      return event + "}\n"
    }
    let loaded = try TallyProcess.run(
      ["import", "--db", store, "--format", "jsonl", "-"], input: events.joined())
    #expect(loaded.status == 0, "\(loaded)")
    for byte in ["0", "165", "77"] {
      // The C library's: what is allocated or freed is filled with a byte that is not this one.
      let answer = try TallyProcess.run(
        ["query", "--db", store, "--format", "csv", query],
        environment: ["MALLOC_PERTURB_": byte])
      #expect(answer.status == 0 && answer.output == expected, "\(byte): \(answer)")
    }
  }
}
