import Tally
import TallyAuth
import TallyServer
import TallyTestSupport
import Testing

@Suite("tokens and orgs on a port", .serialized)
struct TenantTests {
  private static let both: [(name: String, org: OrgAccess)] = [
    ("acme", .one("acme")), ("ops", .all),
  ]

  private static func insert(_ payload: String, _ options: String) -> String {
    "INSERT \(options) {\(payload.utf8.count)}\n\(payload)\n"
  }

  @Test func `rows of another org are refused one by one, and the rest is stored`() throws {
    let server = try GuardedServer(tokens: Self.both)
    let influx = """
      usage,org=acme,model=a cost=1 1789000000
      usage,org=globex,model=b,secret=x cost=1 1789000000
      usage,model=c cost=1 1789000000
      usage,org=acme cost=x 1789000000
      usage,org=initech cost=1 1789000000
      """
    let json = """
      {"time":1789000000,"org":"globex","requests":1}
      {"time":1789000000,"organization":"acme","requests":1}
      """
    let csv = "time,org,requests\n1789000000,acme,1\n1789000000,globex,1\n1789000000,,1\n"
    let replies = try server.exchange(
      as: "acme",
      Self.insert(influx, "mode=partial") + Self.insert(json, "mode=partial data=jsonl")
        + Self.insert(csv, "mode=partial data=csv") + Self.insert(json, "data=jsonl")
        + "QUERY count(*) by org\nQUERY describe usage\n")
    let lines = replies.split(separator: "\n").map(String.init)
    #expect(
      lines.filter { $0.hasPrefix("~reject") || $0.hasPrefix("+INSERT") || $0.hasPrefix("-") } == [
        "~reject code=E_FORBIDDEN line=2 col=1 field=org :org 'globex' is not this token's",
        "~reject code=E_TYPE line=4 col=21 field=cost "
          + ":'x' is not a number, a string in quotes or true or false",
        "~reject code=E_FORBIDDEN line=5 col=1 field=org :org 'initech' is not this token's",
        "+INSERT accepted=2 duplicates=0 rejected=3 replay=no ack=durable",
        "~reject code=E_FORBIDDEN line=1 field=org :org 'globex' is not this token's",
        "+INSERT accepted=1 duplicates=0 rejected=1 replay=no ack=durable",
        "~reject code=E_FORBIDDEN line=3 field=org :org 'globex' is not this token's",
        "+INSERT accepted=2 duplicates=0 rejected=1 replay=no ack=durable",
        "~reject code=E_FORBIDDEN line=1 field=org :org 'globex' is not this token's",
        "-E_FORBIDDEN accepted=0 rejected=1 retry=no :the batch was rejected (mode=all)",
      ], "\(replies)")
    #expect(lines.contains("{\"org\":\"acme\",\"count(*)\":5}"))
    let all = try server.exchange(as: "ops", "QUERY count(*) by org\nQUERY describe usage\n")
    #expect(all.contains("{\"org\":\"acme\",\"count(*)\":5}\n\n."), "\(all)")
    // Neither the row nor the names that it brought along are there.
    #expect(!all.contains("globex") && !all.contains("secret"))
  }

  @Test func `USE narrows a token of all orgs, for rows that are sent too`() throws {
    let server = try GuardedServer(tokens: Self.both)
    let payload = "usage,org=acme cost=1\nusage,org=globex cost=1\nusage cost=1"
    let replies = try server.exchange(
      as: "ops",
      "USE org=acme\n" + Self.insert(payload, "mode=partial") + "USE org=*\n"
        + Self.insert(payload, "") + "QUERY count(*) by org\n")
    #expect(replies.contains("~reject code=E_FORBIDDEN line=2 "))
    #expect(replies.contains("+INSERT accepted=2 duplicates=0 rejected=1 "))
    #expect(replies.contains("+INSERT accepted=3 duplicates=0 rejected=0 "))
    #expect(replies.contains("{\"org\":\"acme\",\"count(*)\":3}"), "\(replies)")
  }

  @Test func `an address that failed three times must wait, but for tokens that hold`() throws {
    var options = AccessGate.Options()
    options.failures.firstWaitNanoseconds = 60_000_000_000
    let server = try GuardedServer(tokens: Self.both, options: options)
    // One connection each.
    for left in [2, 1, 0] {
      let replies = try server.fixture.exchange(
        "AUTH TOKEN tally_no\n" + (left > 0 ? "QUIT\n" : ""))
      #expect(replies.hasPrefix("-E_AUTH attempts_left=\(left) retry=no :the token is unknown"))
    }
    let replies = try server.fixture.exchange("AUTH TOKEN tally_no\nPING\n")
    let lines = replies.split(separator: "\n")
    #expect(lines.count == 1 && lines[0].hasPrefix("-E_AUTH after_ms="), "\(replies)")
    #expect(lines[0].contains("attempts_left=0 retry=no :too many failures from this address"))
    let good = try server.fixture.exchange(
      "AUTH TOKEN \(server.secrets["ops"] ?? "")\nQUIT\n")
    #expect(good.hasPrefix("+AUTH user=ops"), "\(good)")
    // Failures of who must wait are not written down.
    #expect(try server.audit(["authenticate"]).count == 4)
  }

  @Test func `large payloads of strangers are not kept`() throws {
    let server = try GuardedServer(tokens: Self.both)
    let large = String(repeating: "usage requests=1\n", count: 5_000)
    let insert = "INSERT {\(large.utf8.count)}\n\(large)\n"
    let replies = try server.fixture.exchange(
      insert + "AUTH TOKEN \(server.secrets["ops"] ?? "")\n" + insert + "QUIT\n"
    ).split(separator: "\n")
    #expect(replies.first?.hasPrefix("-E_AUTH retry=no :authenticate first") == true)
    #expect(replies.dropFirst(2).first?.hasPrefix("+INSERT accepted=5000 ") == true, "\(replies)")
    let line = "QUERY count(*) " + String(repeating: "/* x */", count: 12_000)
    #expect(try server.fixture.exchange(line + "\nPING\n").hasPrefix("-E_LINE_TOO_LONG max=65536 "))
    let known = try server.exchange(as: "ops", line + "\n")
    #expect(known.contains("{\"count(*)\":5000}"), "\(known)")
  }

  @Test func `strangers cannot fill the audit log`() throws {
    let server = try GuardedServer(tokens: Self.both)
    let requests = "CANCEL conn=1 key=wrong\nQUERY count(*)\nFLUSH\nINSERT {1}\nx\n"
    _ = try server.fixture.exchange(String(repeating: requests, count: 20) + "QUIT\n")
    #expect(try server.audit(["cancel", "query", "flush", "insert"]).isEmpty)
  }

  @Test func `the first token closes a server that was open`() throws {
    let server = try GuardedServer()
    let client = try LineClient(port: server.port)
    try client.send("HELLO 1\nQUERY count(*)\n")
    #expect(try client.line()?.contains(" auth=none ") == true)
    for _ in 0..<5 { _ = try client.line() }
    let secret = try server.issue("ops", .all)
    let waits = ServerFixture.waits {
      (try? server.fixture.exchange("HELLO 1\nQUIT\n").contains(" auth=token ")) == true
    }
    #expect(waits)
    try client.send("QUERY count(*)\nAUTH TOKEN \(secret)\nQUERY count(*)\nQUIT\n")
    let rest = try client.rest()
    #expect(rest.hasPrefix("-E_AUTH retry=no :authenticate first"), "\(rest)")
    #expect(rest.contains("+AUTH user=ops org=*") && rest.contains("{\"count(*)\":0}"))
    #expect(try server.audit(["query"]).count == 1)
  }

  @Test func `numbers of the last hour are pushed, to each org its own`() throws {
    let server = try GuardedServer(tokens: Self.both)
    let database = server.fixture.database
    try database.append(
      [
        Event(
          time: .now, org: "acme", model: "a", latencyMilliseconds: 100,
          costNanodollars: 500_000_000),
        Event(
          time: .now, org: "globex", model: "b", latencyMilliseconds: 900,
          costNanodollars: 2_000_000_000),
      ])
    func push(_ name: String) throws -> String {
      let client = try LineClient(port: server.port)
      try client.send("AUTH TOKEN \(server.secrets[name] ?? "")\n#s SUBSCRIBE LIVE EVERY 1s\n")
      var lines: [String] = []
      while lines.last?.hasPrefix(".#s push=2 ") != true, let line = try client.line() {
        lines.append(line)
      }
      #expect(
        lines.contains(
          "=#s push=1 format=jsonl cols=[[\"time\",\"timestamp\"],"
            + "[\"requests_per_second\",\"double\"],[\"active_requests\",\"int64\"],"
            + "[\"latency_ms_avg\",\"decimal(18,3)\"],[\"latency_ms_p95\",\"decimal(18,3)\"],"
            + "[\"error_rate\",\"double\"],[\"cost_per_hour\",\"decimal(38,9)\"]]"), "\(lines)")
      return lines.first { $0.hasPrefix("{") } ?? ""
    }
    let acme = try push("acme")
    #expect(acme.contains("\"requests_per_second\":0.016666666666666666,\"active_requests\":0,"))
    #expect(acme.contains("\"latency_ms_avg\":100.000,\"latency_ms_p95\":100.000,"), "\(acme)")
    #expect(acme.hasSuffix("\"cost_per_hour\":0.500000000}"))
    let all = try push("ops")
    #expect(all.contains("\"latency_ms_avg\":500.000,"), "\(all)")
    #expect(all.hasSuffix("\"cost_per_hour\":2.500000000}"))
    #expect(try server.audit(["live"]).count == 2)
  }

  @Test func `what was asked and sent is in the audit log, in form only`() throws {
    let server = try GuardedServer(tokens: Self.both)
    let payload = "usage,user=ada cost=1"
    _ = try server.exchange(
      as: "acme",
      """
      #i INSERT {\(payload.utf8.count)}
      \(payload)
      #q QUERY count(*) where user = 'ada'
      QUERY select nothing from usage where user = 'ada'
      PREPARE p count(*) where user = $1
      EXEC p ["ada"]
      FLUSH
      #s SUBSCRIBE count(*) where user = 'ada'
      CANCEL conn=999 key=wrong #q

      """)
    let actions: Set<String> = [
      "insert", "query", "execute", "flush", "subscribe", "cancel", "prepare",
    ]
    let lines = try server.audit(actions).map { line in
      line.replacing(/^.*"action":/, with: "").replacing(/"token":"[^"]*",/, with: "")
        .replacing(/"fingerprint":"[0-9a-f]{32}",/, with: "F,")
        .replacing(/"request":"\d+(.\d+)?",/, with: "")
    }
    let who = "\"user\":\"acme\",\"org\":\"acme\",\"address\":\"127.0.0.1\","
    let statement = "\"statement\":\"count(*) where user = "
    // Queries run beside each other, and a subscription is noted when it is read.
    #expect(
      lines.filter { !$0.hasPrefix("\"cancel\"") }.sorted()
        == [
          "\"insert\",\(who)\"outcome\":\"ok\",\"rows\":1,\"bytes\":21}",
          "\"query\",\(who)\(statement)?\",F,\"outcome\":\"ok\",\"rows\":1,\"bytes\":15}",
          "\"query\",\(who)\"statement\":\"select nothing from usage where user = ?\",F,"
            + "\"outcome\":\"E_BIND\"}",
          "\"execute\",\(who)\(statement)$1\",F,\"outcome\":\"ok\",\"rows\":1,\"bytes\":15}",
          "\"flush\",\(who)\"outcome\":\"ok\"}",
          "\"subscribe\",\(who)\"target\":\"s\",\(statement)?\",F,\"outcome\":\"ok\"}",
        ].sorted(), "\(lines)")
    #expect(lines.contains("\"cancel\",\(who)\"target\":\"999#q\",\"outcome\":\"E_STATE\"}"))
    #expect(!lines.contains { $0.contains("ada") })
  }

  @Test func `a server whose audit log fails serves nothing more`() throws {
    let log = FailingLog()
    let fixture = try ServerFixture(authenticator: log)
    let client = try LineClient(port: fixture.server.port)
    try client.send("AUTH TOKEN x\nQUERY count(*)\n")
    var lines: [String] = []
    while lines.last?.hasPrefix(".") != true, let line = try client.line() { lines.append(line) }
    log.fail()
    try client.send("QUERY count(*)\nINSERT {16}\nusage requests=1\nFLUSH\nQUIT\n")
    let rest = try client.rest().split(separator: "\n")
    #expect(rest.count == 4 && rest.dropLast().allSatisfy { $0.hasPrefix("-E_IO ") }, "\(rest)")
    #expect(try fixture.database.query("count(*)")[0][0] == .integer(0))
  }
}
