import Dispatch
import TallyHTTP
import TallyServer
import TallyTestSupport
import Testing

@Suite("connections of HTTP", .serialized)
struct HTTPConnectionTests {
  @Test func `requests are answered in order on one connection`() throws {
    let fixture = try HTTPFixture()
    let client = try fixture.client()
    var requests: [UInt8] = []
    for number in 0..<20 {
      requests += HTTPTestClient.request(
        "POST", "/v1/query?end=no", body: Array("select \(number) as n".utf8))
      requests += HTTPTestClient.request("GET", "/healthz")
      requests += HTTPTestClient.request("HEAD", "/healthz")
    }
    try client.socket.send(requests)
    for number in 0..<20 {
      #expect(try client.response().text == "{\"n\":\(number)}\n")
      #expect(try client.response().text == "ok\n")
      let head = try client.response(isHead: true)
      #expect(head.status == 200 && head["Content-Length"] == "3")
    }
    #expect(fixture.server.connectionCount == 1)
  }

  @Test func `every byte of a request may come alone`() throws {
    let fixture = try HTTPFixture()
    let client = try fixture.client()
    for byte in HTTPTestClient.request(
      "POST", "/v1/query?end=no", body: Array("select 1 as a".utf8))
    {
      try client.socket.send([byte])
    }
    #expect(try client.response().text == "{\"a\":1}\n")
  }

  @Test func `HEAD has the headers of GET and no body`() throws {
    let fixture = try HTTPFixture()
    let client = try fixture.client()
    for target in ["/v1/query?query=select+1", "/v1/query?query=select+1&format=csv", "/metrics"] {
      let whole = try client.exchange("GET", target)
      let head = try client.exchange("HEAD", target)
      #expect(head.status == 200 && head["Content-Type"] == whole["Content-Type"])
      #expect(head["Transfer-Encoding"] == whole["Transfer-Encoding"])
    }
    #expect(try client.exchange("GET", "/healthz").text == "ok\n")
  }

  @Test func `OPTIONS tells the methods, and others are refused`() throws {
    let fixture = try HTTPFixture()
    let options = try fixture.exchange("OPTIONS", "/v1/query")
    #expect(options.status == 204 && options["Allow"] == "GET, POST, HEAD, OPTIONS")
    #expect(try fixture.exchange("OPTIONS", "*").status == 204)
    #expect(try fixture.exchange("OPTIONS", "/v1/query/x")["Allow"] == "DELETE, OPTIONS")
    let other = try fixture.exchange("PUT", "/v1/ingest")
    #expect(other.status == 405 && other["Allow"] == "POST, OPTIONS")
    #expect(other.text.contains("\"code\":\"E_METHOD\""))
    #expect(
      try fixture.transcript("GET", "/v1/quey")
        == #"404 {"error":{"code":"E_NOT_FOUND","message":"no route has the path /v1/quey","#
        + #""hint":"did you mean \"/v1/query\"?","retry":false,"id":"_"}}"# + "\n")
    #expect(try fixture.exchange("OPTIONS", "/nothing").status == 404)
  }

  @Test func `connections end where one side says so`() throws {
    let fixture = try HTTPFixture()
    let client = try fixture.client()
    try client.socket.send(
      "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        + "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    let response = try client.response()
    #expect(response["Connection"] == "close" && response.text == "ok\n")
    #expect(try client.socket.rest().isEmpty)
    let old = try fixture.client()
    try old.socket.send("GET /v1/query?query=select+1+as+a&format=csv HTTP/1.0\r\n\r\n")
    let text = try old.socket.rest()
    #expect(text.hasPrefix("HTTP/1.0 200 OK\r\n") && text.hasSuffix("\r\n\r\na\n1\n"), "\(text)")
  }

  @Test func `what is no HTTP is refused`() throws {
    let fixture = try HTTPFixture()
    let client = try fixture.client()
    try client.socket.send("HELLO 1\r\n\r\n")
    let response = try client.response()
    #expect(response.status == 400 && response["Connection"] == "close")
    #expect(response.text.contains("\"code\":\"E_PROTOCOL\""))
    let chunks = try fixture.client()
    try chunks.socket.send(
      "POST /v1/ingest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    #expect(try chunks.response().status == 400)
    // A request behind a good one is refused in its turn.
    let second = try fixture.client()
    try second.socket.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n\u{1}\u{2}\r\n\r\n")
    #expect(try second.response().text == "ok\n")
    #expect(try second.response().status == 400)
  }

  @Test func `long URLs and headers are refused without a body`() throws {
    let fixture = try HTTPFixture()
    let long = String(repeating: "a", count: 70_000)
    let url = try fixture.exchange("GET", "/v1/query?query=" + long)
    #expect(url.status == 414 && url.body.isEmpty && url["Connection"] == "close")
    let headers = try fixture.exchange("GET", "/healthz", headers: ["X-Long: " + long])
    #expect(headers.status == 431 && headers.body.isEmpty)
    let longer = try fixture.exchange("GET", "/healthz", headers: ["X-Long: " + long + long])
    #expect(longer.status == 431)
    let many = try fixture.exchange(
      "GET", "/healthz", headers: (0..<300).map { "X-\($0): a" })
    #expect(many.status == 431)
  }

  @Test func `a server goes on whatever it is sent`() throws {
    let fixture = try HTTPFixture(http: { $0.stallMilliseconds = 1_000 })
    let seeds = [
      HTTPTestClient.request(
        "POST", "/v1/query?format=csv&timeout=1s", headers: ["Accept-Encoding: zstd, gzip"],
        body: Array("select count(*) from usage".utf8)),
      HTTPTestClient.request(
        "POST", "/v1/ingest?mode=partial", headers: ["Content-Encoding: gzip"],
        body: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 75, 76, 4, 0]),
      HTTPTestClient.request(
        "POST", "/v1/query", headers: ["Content-Type: application/json"],
        body: Array(#"{"query":"select $1","params":[1.5e3,"\u00e9"]}"#.utf8)),
      HTTPTestClient.request("GET", "/exec?query=select+1&limit=0,9", headers: ["Accept: */*;q=0"]),
      Array(
        ("POST /write HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "5\r\nusage\r\n0\r\n\r\n")
          .utf8),
    ]
    var random: UInt64 = 88_172_645_463_325_252
    func next(_ count: Int) -> Int {
      random ^= random << 13
      random ^= random >> 7
      random ^= random << 17
      return Int(random % UInt64(count))
    }
    for round in 0..<150 {
      var bytes = seeds[round % seeds.count]
      for _ in 0...next(4) {
        let position = next(bytes.count)
        switch next(3) {
        case 0: bytes[position] = UInt8(next(256))
        case 1: bytes.insert(UInt8(next(256)), at: position)
        default: bytes.removeSubrange(position..<min(bytes.count, position + next(8)))
        }
      }
      let client = try fixture.client()
      try? client.socket.send(bytes)
      client.socket.closeSending()
      _ = try? client.socket.rest()
    }
    #expect(try fixture.exchange("GET", "/healthz").text == "ok\n")
    #expect(HTTPFixture.waits { fixture.server.queryCount == 0 })
    #expect(HTTPFixture.waits { fixture.server.connectionCount <= 1 })
  }

  @Test func `a body that stops coming is given up`() throws {
    let fixture = try HTTPFixture(http: { $0.stallMilliseconds = 100 })
    let client = try fixture.client()
    try client.socket.send("POST /v1/ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nusage")
    let response = try client.response()
    #expect(response.status == 408 && response["Connection"] == "close")
    #expect(response.text.contains("\"code\":\"E_TIMEOUT\""))
    #expect(try client.socket.rest().isEmpty)
  }

  @Test func `a connection without requests is closed`() throws {
    let fixture = try HTTPFixture(http: {
      $0.headMilliseconds = 50
      $0.keepAliveMilliseconds = 50
    })
    let silent = try fixture.client()
    try silent.socket.send("GET /healthz HTTP/1.1\r\n")
    #expect(try silent.socket.rest().isEmpty)
    let client = try fixture.client()
    #expect(try client.exchange("GET", "/healthz").status == 200)
    #expect(try client.socket.rest().isEmpty)
  }

  @Test func `a body is asked for only if it will be taken`() throws {
    let fixture = try HTTPFixture(http: { $0.bodyByteCountMax = 100 })
    let client = try fixture.client()
    let head = "POST /v1/query?end=no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    try client.socket.send(head + "Content-Length: 13\r\n\r\n")
    #expect(try client.response().status == 100)
    try client.socket.send("select 1 as a")
    #expect(try client.response().text == "{\"a\":1}\n")
    try client.socket.send(head + "Content-Length: 101\r\n\r\n")
    let refused = try client.response()
    #expect(refused.status == 413 && refused["Connection"] == "close")
  }

  @Test func `a body that breaks off stores nothing`() throws {
    let fixture = try HTTPFixture()
    let client = try fixture.client()
    try client.socket.send(
      "POST /v1/ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\nusage cost=1 1789000000\n")
    client.close()
    #expect(HTTPFixture.waits { fixture.server.connectionCount == 0 })
    let count = try fixture.exchange("POST", "/v1/query?end=no", "select count(*) as n from usage")
    #expect(count.text == "{\"n\":0}\n")
  }

  @Test func `a client that goes away stops its query`() throws {
    let fixture = try HTTPFixture(server: { $0.queryCountMax = 1 })
    let letGo = fixture.blockQueries()
    defer { letGo.signal() }
    for isHalf in [false, true] {
      let client = try fixture.client()
      try client.socket.send(
        HTTPTestClient.request("POST", "/v1/query", body: Array("select 1".utf8)))
      #expect(HTTPFixture.waits { fixture.server.queryCount == 1 })
      if isHalf { client.socket.closeSending() } else { client.close() }
      let start = ContinuousClock.now
      #expect(HTTPFixture.waits { fixture.server.queryCount == 0 })
      #expect(start.duration(to: .now) < .seconds(2))
    }
  }

  @Test func `a result is made as its client takes it`() throws {
    let fixture = try HTTPFixture()
    try fixture.fill(rowCount: 60_000)
    let slow = try fixture.client(receiveByteCount: 4_096)
    try slow.socket.send(
      HTTPTestClient.request(
        "POST", "/v1/query", headers: ["X-Query-Id: big"],
        body: Array("select * from usage".utf8)))
    let head = try slow.head()
    #expect(head.status == 200 && head["X-Query-Id"] == "big")
    #expect(fixture.server.queryCount == 1)
    #expect(try fixture.exchange("DELETE", "/v1/query/big").status == 200)
    var text = ""
    while let chunk = try slow.chunk(), !chunk.isEmpty {
      text = String((text + String(decoding: chunk, as: UTF8.self)).suffix(1_000))
    }
    let last = text.split(separator: "\n").last ?? ""
    #expect(last.hasPrefix(#"{"error":{"code":"E_CANCELLED","#), "\(last)")
    _ = try slow.socket.line()
    // The connection goes on.
    #expect(try slow.exchange("GET", "/healthz").text == "ok\n")
    let gone = try fixture.client(receiveByteCount: 4_096)
    try gone.socket.send(
      HTTPTestClient.request(
        "POST", "/v1/query?format=csv", body: Array("select * from usage".utf8)))
    #expect(try gone.head().status == 200)
    gone.close()
    #expect(HTTPFixture.waits { fixture.server.queryCount == 0 })
  }

  @Test func `a client that takes nothing is closed`() throws {
    let fixture = try HTTPFixture(http: { $0.slowReaderMilliseconds = 100 })
    try fixture.fill(rowCount: 60_000)
    let slow = try fixture.client(receiveByteCount: 4_096)
    try slow.socket.send(
      HTTPTestClient.request("POST", "/v1/query", body: Array("select * from usage".utf8)))
    #expect(try slow.head().status == 200)
    #expect(HTTPFixture.waits { fixture.server.queryCount == 0 })
  }

  @Test func `a server that stops ends what runs and takes nothing new`() throws {
    let fixture = try HTTPFixture(server: { $0.queryCountMax = 1 })
    let letGo = fixture.blockQueries()
    defer { letGo.signal() }
    let client = try fixture.client()
    try client.socket.send(
      HTTPTestClient.request("POST", "/v1/query", body: Array("select 1".utf8)))
    #expect(HTTPFixture.waits { fixture.server.queryCount == 1 })
    fixture.server.shutDown(withinMilliseconds: 50)
    let response = try client.response()
    #expect(response.status == 503 && response["Retry-After"] != nil)
    #expect(response.text.contains("\"code\":\"E_SHUTDOWN\""))
  }

  @Test func `too many connections are told so`() throws {
    let fixture = try HTTPFixture(http: { $0.connectionCountMax = 1 })
    let first = try fixture.client()
    #expect(try first.exchange("GET", "/healthz").status == 200)
    let refused = try fixture.exchange("GET", "/healthz")
    #expect(refused.status == 503 && refused["Connection"] == "close")
    #expect(try first.exchange("GET", "/healthz").status == 200)
  }
}

extension HTTPTestClient {
  fileprivate func close() { socket.close() }
}
