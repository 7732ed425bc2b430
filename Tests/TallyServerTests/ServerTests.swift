import Foundation
import Tally
import TallyBase
import TallyServer
import TallyTestSupport
import TallyWire
import Testing

@Suite("a server on a port")
struct ServerTests {
  /// What the server says to one request after another.
  private static let everyVerb = """
    -E_VERSION supported=1 retry=no :version 2 is not spoken here, expected 1
    +HELLO version=1 server=tally/0.1.0 auth=none conn=_ key=_ max_line=1048576 \
    max_batch=16777216 max_batch_rows=100000 max_in_flight=128 formats=jsonl,csv,tsv,table \
    encodings=none,gzip,zstd tls=no
    +#i1 INSERT accepted=2 duplicates=0 rejected=0 replay=no lsn=1 ack=durable
    +#i2 INSERT accepted=0 duplicates=0 rejected=0 replay=yes lsn=2 ack=durable
    =#q1 format=jsonl cols=[["model","symbol"],["sum(cost)","decimal(38,9)"]]
    >#q1 {89}
    {"model":"gpt-5","sum(cost)":0.012300000}
    {"model":"gpt-5-mini","sum(cost)":0.000400000}

    .#q1 rows=2 read_rows=2 read_bytes=_ ms=_ source=rows checksum=crc32c:164108ab
    =#q2 format=csv cols=[["model","symbol"],["count(*)","int64"]]
    >#q2 {36}
    model,count(*)
    gpt-5,1
    gpt-5-mini,1

    .#q2 rows=2 read_rows=2 read_bytes=_ ms=_ source=rows checksum=crc32c:6160ce5b
    =#q3 format=tsv cols=[["model","symbol"],["count(*)","int64"]]
    >#q3 {21}
    gpt-5\t1
    gpt-5-mini\t1

    .#q3 rows=2 read_rows=2 read_bytes=_ ms=_ source=rows checksum=crc32c:e19f2db4
    =#q4 format=table cols=[["model","symbol"],["count(*)","int64"]]
    >#q4 {324}
    ┌────────────┬──────────┐
    │ model      │ count(*) │
    ├────────────┼──────────┤
    │ gpt-5      │        1 │
    │ gpt-5-mini │        1 │
    └────────────┴──────────┘

    .#q4 rows=2 read_rows=2 read_bytes=_ ms=_ source=rows checksum=crc32c:15fe07b2
    +PREPARE name=spend params=1
    =#e1 format=jsonl cols=[["cost","decimal(38,9)"]]
    >#e1 {21}
    {"cost":0.012300000}

    .#e1 rows=1 read_rows=2 read_bytes=_ ms=_ source=rows checksum=crc32c:65f94ece
    +PREPARE name=spend dropped=yes
    +INGEST accepted=1 duplicates=0 rejected=0 replay=no lsn=3 ack=durable
    +SET format=jsonl header=yes timeout=30s max_rows=1 rollups=yes partial=no data=influx \
    ack=durable mode=all precision=auto
    =#q5 format=jsonl cols=[["count(*)","int64"]]
    >#q5 {15}
    {"count(*)":3}

    .#q5 rows=1 read_rows=3 read_bytes=_ ms=_ source=rows checksum=crc32c:6e0b82a5
    +USE org=*
    +FLUSH ms=_
    +QUIT

    """

  @Test func `each verb is answered as documented`() throws {
    let fixture = try ServerFixture()
    let first = """
      usage,model=gpt-5,user=u1 input_tokens=812i,output_tokens=90i,cost=0.0123 1789000000000000000
      usage,model=gpt-5-mini input_tokens=40i,cost=0.0004 1789000001000000000
      """
    let replies = try fixture.exchange(
      """
      HELLO 2
      HELLO 1 client=test/1.0
      #i1 INSERT producer=gw1 seq=9001 {\(first.utf8.count)}
      \(first)
      #i2 INSERT producer=gw1 seq=9001 {\(first.utf8.count)}
      \(first)
      #q1 QUERY sum(cost) by model
      #q2 QUERY format=csv count(*) by model
      #q3 QUERY format=tsv header=no count(*) by model
      #q4 QUERY format=table count(*) by model
      PREPARE spend select sum(cost) as cost from usage where model = $1
      #e1 EXEC spend ["gpt-5"]
      PREPARE spend
      INGEST precision=s
      usage,model=gpt-5 output_tokens=91i 1789000004
      END
      SET max_rows=1
      #q5 QUERY count(*)
      USE
      FLUSH
      QUIT

      """)
    #expect(
      ServerFixture.masked(replies) == Self.everyVerb)
  }

  @Test func `each mistake is told with its code, and the next request is answered`() throws {
    let fixture = try ServerFixture { $0.connection.wire.payloadByteCountMax = 64 }
    try fixture.database.append(Event(time: .now, org: "acme", model: "gpt-5"))
    try fixture.database.append(Event(time: .now, org: "acme", model: "gpt-6"))
    let long = String(repeating: "x", count: 65)
    for (request, reply) in [
      ("nonsense", "-E_UNKNOWN_VERB retry=no :"), ("END", "-E_STATE retry=no :"),
      ("HELLO 1", "-E_STATE retry=no :"), ("AUTH TOKEN x", "-E_STATE retry=no :"),
      ("QUERY foo=1 count(*)", "-E_ARGUMENT hint="), ("#? PING", "-E_TAG tag=? retry=no :"),
      ("EXEC nothing", "-E_UNKNOWN_STATEMENT retry=no :"), ("SUBSCRIBE x", "-E_ARGUMENT "),
      ("QUERY select from", "-E_PARSE line=1 col=8 offset=7 len=4"),
      ("PREPARE p select from", "-E_PARSE line=1 col=8 offset=7 len=4"),
      ("QUERY select sum(cst) from usage", "-E_BIND line=1 col=12 offset=11 len=3 hint="),
      ("QUERY select 1 / 'x'::int64 from usage", "-E_VALUE "),
      ("QUERY set page_cache = 0", "-E_BIND "), ("INSERT {65}\n\(long)", "-E_TOO_LARGE max=64 "),
      ("INSERT data=csv {0}\n", "-E_INPUT retry=no :"),
      ("INSERT encoding=gzip {3}\nabc", "-E_INPUT retry=no :"),
      ("INSERT strict=yes {9}\nusage y=1", "~reject code=E_UNKNOWN_COLUMN line=1 "),
      ("INSERT {12}\nusage cost=x", "~reject code=E_TYPE line=1 "),
      ("INSERT {5}\nusage", "~reject code=E_PARSE line=1 "),
      ("USE org=", "-E_ARGUMENT "),
    ] {
      let client = try LineClient(port: fixture.server.port)
      try client.send("PING\n\(request)\n#last QUERY count(*)\nQUIT\n")
      var lines: [String] = []
      while let line = try client.line() { lines.append(line) }
      #expect(lines.count > 5 && lines[1].hasPrefix(reply), "\(request): \(lines)")
      #expect(lines.contains("{\"count(*)\":2}"), "\(request): \(lines)")
      #expect(lines.last == "+QUIT")
    }
    let limited = try fixture.exchange("QUERY max_rows=1 count(*) by model\nQUIT\n")
    #expect(limited.contains("\n-E_LIMIT hint="))
    #expect(limited.contains("{\"model\":\"gpt-5\",\"count(*)\":1}\n\n-"))
  }

  @Test func `what breaks the framing closes the connection`() throws {
    let fixture = try ServerFixture { $0.connection.wire.lineByteCountMax = 1_000 }
    for (request, code) in [
      (String(repeating: "x", count: 1_001) + "\nPING\n", "-E_LINE_TOO_LONG max=1000 "),
      ("INSERT {3}\nabcdef\nPING\n", "-E_PROTOCOL "),
      ("INSERT {9999999999}\nPING\n", "-E_PROTOCOL "),
    ] {
      let replies = try fixture.exchange(request)
      #expect(replies.hasPrefix(code), "\(replies)")
      #expect(replies.count { $0 == "\n" } == 1)
    }
  }

  @Test func `good rows of a partial batch are stored, the first hundred bad ones are named`()
    throws
  {
    let fixture = try ServerFixture()
    var rows = ["usage,model=a requests=1i 1789000000"]
    rows += (0..<103).map { "usage,model=a cost=x\($0) 1789000000" }
    let payload = rows.joined(separator: "\n")
    let replies = try fixture.exchange(
      """
      #p INSERT mode=partial {\(payload.utf8.count)}
      \(payload)
      #a INSERT {\(payload.utf8.count)}
      \(payload)
      QUERY count(*)
      QUIT

      """
    ).split(separator: "\n")
    #expect(replies.count { $0.hasPrefix("~#p reject code=E_TYPE ") } == 100)
    #expect(replies.contains("~#p rejects_omitted count=3"))
    #expect(
      replies.contains(
        "+#p INSERT accepted=1 duplicates=0 rejected=103 replay=no lsn=1 ack=durable"))
    #expect(
      replies.contains(
        "-#a E_TYPE accepted=0 rejected=103 retry=no :the batch was rejected (mode=all)"))
    #expect(replies.contains("{\"count(*)\":1}"))
  }

  @Test func `inserts of every form and acknowledgement are seen by the next query`() throws {
    let fixture = try ServerFixture()
    var requests = ""
    for (form, payload) in [
      ("influx", "usage requests=1i"), ("jsonl", "{\"time\":1789000000,\"requests\":1}"),
      ("csv", "time,requests\n1789000000,1"),
    ] {
      for level in ["memory", "os", "durable", "published"] {
        requests += "INSERT data=\(form) ack=\(level) {\(payload.utf8.count)}\n\(payload)\n"
      }
    }
    let replies = try fixture.exchange(requests + "QUERY count(*), sum(requests)\nQUIT\n")
    #expect(replies.contains("{\"count(*)\":12,\"sum(requests)\":12}"))
    #expect(replies.contains("replay=no ack=memory\n"))
  }

  @Test func `a long result comes whole, in pieces, with its checksum`() throws {
    let fixture = try ServerFixture()
    try fixture.fill(rowCount: 20_000)
    let bytes = Array(
      try fixture.exchange("#q QUERY format=csv select model, request from usage\nQUIT\n").utf8)
    var decoder = ReplyDecoder()
    decoder.feed(bytes)
    var rows: [UInt8] = []
    var pieceCounts: [Int] = []
    var end: Reply?
    while let reply = try decoder.next() {
      if case .rows(let piece) = reply.kind {
        rows += piece
        pieceCounts.append(piece.count)
        #expect(piece.last == 0x0A)
      }
      if case .end = reply.kind { end = reply }
    }
    #expect(pieceCounts.count > 4)
    #expect(pieceCounts.dropLast().allSatisfy { (64 << 10)...(256 << 10) ~= $0 })
    #expect(end?.fields["rows"] == "20000")
    #expect(rows.count { $0 == 0x0A } == 20_001)
    let table = try fixture.exchange("QUERY format=table model limit 20000\nQUIT\n")
    #expect(table.hasSuffix("+QUIT\n"))
  }

  @Test func `another connection stops a query with the key, and only with it`() throws {
    let fixture = try ServerFixture()
    try fixture.fill(rowCount: 60_000)
    let client = try LineClient(port: fixture.server.port, receiveByteCount: 4_096)
    try client.send("HELLO 1\n")
    let hello = try client.line() ?? ""
    let number = hello.firstMatch(of: /conn=(\d+)/)?.1 ?? ""
    let key = hello.firstMatch(of: /key=([0-9a-f]+)/)?.1 ?? ""
    // Nothing is read: the rows wait in the server.
    try client.send("#q QUERY select * from usage\n")
    let header = try client.line() ?? ""
    #expect(header.hasPrefix("=#q "))
    let other = try LineClient(port: fixture.server.port)
    try other.send("CANCEL conn=\(number) key=\(String(repeating: "0", count: 32))\n")
    #expect(try other.line() == "+CANCEL found=0")
    let start = ContinuousClock.now
    try other.send("CANCEL conn=\(number) key=\(key) #q\n")
    #expect(try other.line() == "+CANCEL found=1")
    #expect(start.duration(to: .now) < .seconds(1))
    try client.send("QUIT\n")
    let rest = try client.rest()
    #expect(rest.contains("\n-#q E_CANCELLED ms="))
    #expect(rest.hasSuffix("+QUIT\n"))
  }

  @Test func `a reader that does not read is closed, and others are served meanwhile`() throws {
    let fixture = try ServerFixture { $0.connection.slowReaderMilliseconds = 300 }
    try fixture.fill(rowCount: 60_000)
    let slow = try (0..<4).map { _ in
      let client = try LineClient(port: fixture.server.port, receiveByteCount: 4_096)
      try client.send("QUERY select * from usage\n")
      return client
    }
    #expect(try fixture.exchange("QUERY count(*)\nQUIT\n").contains("{\"count(*)\":60000}"))
    #expect(ServerFixture.waits { fixture.server.connectionCount == 0 })
    withExtendedLifetime(slow) {}
  }

  @Test func `a subscription pushes when the result differs, until it is ended`() throws {
    let fixture = try ServerFixture()
    let client = try LineClient(port: fixture.server.port)
    try client.send("#s SUBSCRIBE every=1s count(*)\n")
    #expect(try client.line() == "+#s SUBSCRIBE every=1s on=change")
    #expect(try client.line() == "=#s push=1 format=jsonl cols=[[\"count(*)\",\"int64\"]]")
    for expected in [">#s {15}", "{\"count(*)\":0}", ""] { #expect(try client.line() == expected) }
    #expect(try client.line()?.hasPrefix(".#s push=1 rows=1 ") == true)
    try client.send("INSERT {16}\nusage requests=1\n")
    var lines: [String] = []
    while lines.last?.hasPrefix(".#s push=2 ") != true, let line = try client.line() {
      lines.append(line)
    }
    #expect(lines.contains { $0.hasPrefix("+INSERT accepted=1 ") })
    #expect(lines.contains("{\"count(*)\":1}"))
    try client.send("UNSUBSCRIBE #s\nUNSUBSCRIBE #s\nQUIT\n")
    #expect(try client.rest() == "+UNSUBSCRIBE found=yes\n+UNSUBSCRIBE found=no\n+QUIT\n")
  }

  @Test func `a client that sends no more is still answered`() throws {
    let fixture = try ServerFixture { $0.connection.graceMilliseconds = 5_000 }
    let client = try LineClient(port: fixture.server.port)
    try client.send("ping\nquery count(*)\n")
    client.closeSending()
    let rest = try client.rest()
    #expect(rest.hasPrefix("+PING\n="))
    #expect(rest.contains("\n.rows=1 "))
  }

  @Test func `connections that go away leave nothing behind`() throws {
    let fixture = try ServerFixture()
    try fixture.fill(rowCount: 20_000)
    for request in ["", "query cou", "insert {100}\nabc", "query select * from usage\n"] {
      for _ in 0..<8 {
        let client = try LineClient(port: fixture.server.port)
        try client.send(request)
        client.close()
      }
    }
    #expect(ServerFixture.waits { fixture.server.connectionCount == 0 })
    #expect(try fixture.exchange("ping\nquit\n") == "+PING\n+QUIT\n")
  }

  @Test func `connections beyond the limit are told to come back`() throws {
    let fixture = try ServerFixture { $0.connectionCountMax = 1 }
    let first = try LineClient(port: fixture.server.port)
    try first.send("ping\n")
    #expect(try first.line() == "+PING")
    let second = try fixture.exchange("")
    #expect(second.hasPrefix("-E_BUSY after_ms=1000 retry=yes :"))
  }

  @Test func `a server that stops finishes what it was asked`() throws {
    let fixture = try ServerFixture()
    let client = try LineClient(port: fixture.server.port)
    try client.send("ping\n")
    #expect(try client.line() == "+PING")
    try client.send("INSERT {17}\nusage requests=1i\n")
    #expect(ServerFixture.waits { (try? fixture.database.query("count(*)")[0][0]) == .integer(1) })
    fixture.server.shutDown(withinMilliseconds: 5_000)
    let rest = try client.rest()
    #expect(rest.contains("+INSERT accepted=1 "))
    #expect(rest.contains("~shutdown after_ms=5000\n"))
    #expect(throws: (any Error).self) { try LineClient(port: fixture.server.port) }
  }

  @Test func `those who send too much wait, are told so, and lose nothing`() throws {
    let fixture = try ServerFixture { $0.heldByteCountMax = 1 }
    // More than is read at once.
    let row = "usage requests=1\n# " + String(repeating: "x", count: 4_096)
    let insert = "INSERT ack=memory {\(row.utf8.count)}\n\(row)\n"
    let clients = try (0..<3).map { _ in try LineClient(port: fixture.server.port) }
    for client in clients { try client.send(String(repeating: insert, count: 200) + "QUIT\n") }
    for client in clients {
      let lines = try client.rest().split(separator: "\n")
      #expect(lines.count { $0.hasPrefix("+INSERT accepted=1 ") } == 200)
      #expect(lines.contains { $0.hasPrefix("~slow queue_ms=") })
      #expect(lines.allSatisfy { $0.hasPrefix("+") || $0.hasPrefix("~slow queue_ms=") })
      #expect(lines.last == "+QUIT")
    }
    #expect(try fixture.database.query("count(*)")[0][0] == .integer(600))
  }

  @Test func `beyond this machine it listens with TLS and tokens only, unless told`() throws {
    var configuration = ServerConfiguration()
    for host in ["127.0.0.1", "::1", "localhost"] {
      configuration.host = host
      try Server.check(configuration, hasTokens: false)
    }
    for host in ["127.example.com", "::", "localhost.example.com"] {
      configuration.host = host
      #expect(throws: TallyError.self) { try Server.check(configuration, hasTokens: true) }
    }
    configuration.host = "0.0.0.0"
    for (hasTokens, needs) in [(false, "needs TLS and a token"), (true, "needs TLS;")] {
      let error = #expect(throws: TallyError.self) {
        try Server.check(configuration, hasTokens: hasTokens)
      }
      #expect(error?.message.contains(needs) == true)
      #expect(error?.hint?.contains("--insecure") == true)
    }
    configuration.isInsecure = true
    try Server.check(configuration, hasTokens: false)
  }
}
