import Foundation
import Tally
import TallyServer
import TallyTestSupport
import Testing

@Suite("replies that are given again")
struct ReplyCacheTests {
  nonisolated(unsafe) private static let statistics =
    /read_rows=\d+ read_bytes=_ ms=_ source=\w+/

  private static func lines(_ replies: String) -> [String] {
    ServerFixture.masked(replies).split(separator: "\n").map(String.init)
  }

  @Test func `a question asked again has the same reply, from the cache`() throws {
    let fixture = try ServerFixture()
    try fixture.fill(rowCount: 1_000)
    let question = "QUERY count(*) by model order by model\n"
    let first = Self.lines(try fixture.exchange("#a " + question + "QUIT\n"))
    let again = Self.lines(try fixture.exchange("#longer-tag " + question + question + "QUIT\n"))
    #expect(first.last(where: { $0.hasPrefix(".") })?.contains("source=rows") == true)
    var expected: [String] = []
    for line in first.dropLast() {
      let line = line.replacing("#a ", with: "#longer-tag ")
      expected.append(line.replacing(Self.statistics, with: "read_rows=0 _ source=cache"))
    }
    let plain = expected.map { $0.replacing("#longer-tag ", with: "") }
    let found = again.map { $0.replacing(Self.statistics, with: "read_rows=0 _ source=cache") }
    #expect(found == expected + plain + ["+QUIT"])
    #expect(again.count { $0.contains("read_rows=0 read_bytes=_ ms=_ source=cache") } == 2)
  }

  @Test func `what was written before is always seen`() throws {
    let fixture = try ServerFixture()
    let client = try LineClient(port: fixture.server.port)
    for number in 1...20 {
      try client.send("INSERT {16}\nusage requests=1\nQUERY count(*) as n\n")
      #expect(try client.line()?.hasPrefix("+INSERT") == true)
      #expect(try client.line()?.hasPrefix("=") == true)
      #expect(try client.line()?.hasPrefix(">") == true)
      #expect(try client.line() == "{\"n\":\(number)}")
      #expect(try client.line() == "")
      #expect(try client.line()?.contains("source=rows") == true)
      try client.send("QUERY count(*) as n\n")
      #expect(try client.line()?.hasPrefix("=") == true)
      #expect(try client.line()?.hasPrefix(">") == true)
      #expect(try client.line() == "{\"n\":\(number)}")
      #expect(try client.line() == "")
      #expect(try client.line()?.contains("source=cache") == true)
      if number == 10 {
        try client.send("FLUSH\n")
        #expect(try client.line()?.hasPrefix("+FLUSH") == true)
      }
    }
  }

  @Test func `formats, limits, parameters and orgs have replies of their own`() throws {
    let fixture = try ServerFixture()
    try fixture.fill(rowCount: 100)
    try fixture.database.append([Event(time: .now, org: "globex", model: "model-1")])
    let requests = [
      "QUERY format=csv count(*) as n", "QUERY format=tsv count(*) as n",
      "QUERY format=csv header=no count(*) as n", "QUERY count(*) as n",
      "QUERY max_rows=3 select model from usage limit 4",
      "QUERY max_rows=4 select model from usage limit 4",
      "USE org=globex", "QUERY count(*) as n", "USE org=acme", "QUERY count(*) as n", "USE org=*",
      "PREPARE p count(*) as n where model = $1", "EXEC p [\"model-1\"]", "EXEC p [\"model-2\"]",
      "EXEC p [\"model-0\"]",
    ]
    let script = requests.joined(separator: "\n") + "\n"
    func answers() throws -> [String] {
      Self.lines(try fixture.exchange(script + "QUIT\n")).map { line in
        String(line.replacing(Self.statistics, with: ""))
      }
    }
    let first = try answers()
    #expect(try answers() == first)
    #expect(first.contains("{\"n\":101}") && first.contains("{\"n\":1}"))
    #expect(first.contains("{\"n\":100}") && first.contains("{\"n\":15}"))
    #expect(first.contains("{\"n\":16}") && first.contains("{\"n\":14}"))
    #expect(first.count { $0.hasPrefix("-E_LIMIT") } == 1)
  }

  @Test func `a bound on their memory forgets replies, never answers wrongly`() throws {
    let fixture = try ServerFixture { $0.replyCacheByteCountMax = 4_096 }
    try fixture.fill(rowCount: 200)
    for _ in 0..<3 {
      for limit in 1...40 {
        let replies = try fixture.exchange(
          "QUERY format=csv header=no select model from usage limit \(limit)\nQUIT\n")
        #expect(replies.split(separator: "\n").count { $0.hasPrefix("model-") } == limit)
      }
    }
  }

  @Test func `nothing is kept where that is not wanted`() throws {
    let fixture = try ServerFixture { $0.replyCacheByteCountMax = 0 }
    try fixture.fill(rowCount: 10)
    let replies = try fixture.exchange("QUERY count(*)\nQUIT\n")
    let again = try fixture.exchange("QUERY count(*)\nQUIT\n")
    #expect(replies.contains("source=rows") && again.contains("source=rows"))
  }
}
