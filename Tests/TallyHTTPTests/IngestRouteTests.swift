import Tally
import TallyHTTP
import TallyServer
import TallyTestSupport
import Testing

@Suite("events over HTTP", .serialized)
struct IngestRouteTests {
  private static let good = "usage,model=a cost=1 1789000000"
  private static let bad = "usage,model=b cost=abc 1789000000"

  @Test func `each outcome has its status and counts`() throws {
    let fixture = try HTTPFixture()
    let reject =
      #"{"code":"E_TYPE","line":2,"col":20,"field":"cost","#
      + #""reason":"'abc' is not a number, a string in quotes or true or false"}"#
    let tests: [(target: String, body: String, expected: String)] = [
      (
        "?producer=p&seq=1", Self.good,
        #"200 {"accepted":1,"duplicates":0,"rejected":0,"replay":false,"lsn":_,"ack":"durable"}"#
      ),
      (
        "?producer=p&seq=1", Self.good,
        #"200 {"accepted":0,"duplicates":0,"rejected":0,"replay":true,"lsn":_,"ack":"durable"}"#
      ),
      (
        "?ack=memory", Self.good,
        #"202 {"accepted":1,"duplicates":0,"rejected":0,"replay":false,"ack":"memory"}"#
      ),
      (
        "?mode=partial", Self.good + "\n" + Self.bad,
        #"207 {"accepted":1,"duplicates":0,"rejected":1,"replay":false,"lsn":_,"ack":"durable","#
          + #""rejects":[\#(reject)]}"#
      ),
      (
        "", Self.good + "\n" + Self.bad,
        #"400 {"error":{"code":"E_TYPE","message":"the batch was rejected (mode=all)","#
          + #""accepted":0,"rejected":1,"rejects":[\#(reject)],"retry":false,"id":"_"}}"#
      ),
      (
        "?strict=yes", "usage,colour=red cost=1 1789000000",
        #"400 {"error":{"code":"E_UNKNOWN_COLUMN","message":"the batch was rejected (mode=all)","#
          + #""accepted":0,"rejected":1,"rejects":[{"code":"E_UNKNOWN_COLUMN","line":1,"col":7,"#
          + #""field":"colour","reason":"'colour' is no column"}],"retry":false,"id":"_"}}"#
      ),
      (
        "?precison=ms", Self.good,
        #"400 {"error":{"code":"E_ARGUMENT","message":"POST /v1/ingest has no option 'precison'","#
          + #""hint":"did you mean 'precision'?","retry":false,"id":"_"}}"#
      ),
      (
        "?data=csv", "",
        #"400 {"error":{"code":"E_INPUT","message":"the csv payload is empty, a header line was "#
          + #"expected","retry":false,"id":"_"}}"#
      ),
    ]
    for test in tests {
      var found = try fixture.transcript("POST", "/v1/ingest" + test.target, test.body)
      if test.target.contains("strict") {
        // How the row's own message is worded belongs to the decoder.
        found = found.replacing(/"reason":"[^"]*"/) { _ in "\"reason\":\"'colour' is no column\"" }
      }
      #expect(found == test.expected + "\n")
    }
  }

  @Test func `the form of events is told by their type`() throws {
    let fixture = try HTTPFixture()
    let json = #"{"time":"2026-09-10T01:06:42Z","model":"a","cost":1}"# + "\n"
    let csv = "time,model,cost\n2026-09-10T01:06:42Z,a,1\n"
    let tests = [
      ("application/x-ndjson", json), ("application/json", json), ("application/jsonl", json),
      ("text/csv; charset=utf-8", csv), ("text/tab-separated-values", csv),
      ("text/plain", Self.good), ("application/vnd.influx.line-protocol", Self.good),
      ("application/x-www-form-urlencoded", Self.good),
    ]
    for (type, body) in tests {
      let response = try fixture.exchange(
        "POST", "/v1/ingest", body, headers: ["Content-Type: \(type)"])
      #expect(response.status == 200, "\(type): \(response.text)")
    }
    let count = try fixture.exchange("POST", "/v1/query?end=no", "select count(*) as n from usage")
    #expect(count.text == "{\"n\":\(tests.count)}\n")
    let other = try fixture.exchange(
      "POST", "/v1/ingest", json, headers: ["Content-Type: image/png"])
    #expect(other.status == 415 && other.text.contains("\"code\":\"E_MEDIA_TYPE\""))
    let chosen = try fixture.exchange(
      "POST", "/v1/ingest?data=jsonl", json, headers: ["Content-Type: image/png"])
    #expect(chosen.status == 200)
  }

  @Test(.enabled(if: Compression.isAvailable, "gzip or zstd is not installed"))
  func `compressed bodies are taken within their bounds`() throws {
    let fixture = try HTTPFixture(http: { $0.bodyByteCountMax = 1 << 20 })
    let client = try fixture.client()
    for coding in ["gzip", "zstd"] {
      let body = try Compression.encode(Array(Self.good.utf8), coding)
      try client.socket.send(
        HTTPTestClient.request(
          "POST", "/v1/ingest", headers: ["Content-Encoding: \(coding)"], body: body))
      #expect(try client.response().status == 200)
      // A megabyte and more of blanks is a thousandth of that, compressed.
      let bomb = try Compression.encode(Array(repeating: 0x20, count: 40 << 20), coding)
      try client.socket.send(
        HTTPTestClient.request(
          "POST", "/v1/ingest", headers: ["Content-Encoding: \(coding)"], body: bomb))
      let refused = try client.response()
      #expect(refused.status == 413 && refused.text.contains("\"code\":\"E_TOO_LARGE\""))
      try client.socket.send(
        HTTPTestClient.request(
          "POST", "/v1/ingest", headers: ["Content-Encoding: \(coding)"],
          body: Array("no such thing".utf8)))
      let broken = try client.response()
      #expect(broken.status == 400 && broken.text.contains("\"code\":\"E_INPUT\""))
      try client.socket.send(
        HTTPTestClient.request(
          "POST", "/v1/ingest", headers: ["Content-Encoding: \(coding)"],
          body: Array(body.dropLast(4))))
      #expect(try client.response().status == 400)
    }
  }

  @Test func `a body that is too large is refused before it has come`() throws {
    let fixture = try HTTPFixture(http: { $0.bodyByteCountMax = 1_000 })
    let announced = try fixture.client()
    try announced.socket.send(
      "POST /v1/ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\nusage")
    let refused = try announced.response()
    #expect(refused.status == 413 && refused["Connection"] == "close")
    #expect(
      HTTPFixture.masked(refused.text)
        == #"{"error":{"code":"E_TOO_LARGE","message":"the body has more than 1000 bytes","#
        + #""max":1000,"hint":"send smaller batches","retry":false,"id":"_"}}"# + "\n")
    let chunked = try fixture.client()
    try chunked.socket.send(
      "POST /v1/ingest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in 0..<11 {
      try chunked.socket.send("64\r\n" + String(repeating: "a", count: 100) + "\r\n")
    }
    #expect(try chunked.response().status == 413)
    let held = try HTTPFixture(http: { $0.heldByteCountMax = 10 })
    let busy = try held.exchange("POST", "/v1/ingest", Self.good)
    #expect(busy.status == 503 && busy["Retry-After"] == "1")
  }

  @Test func `rows are the same however their body is split`() throws {
    let fixture = try HTTPFixture()
    let body = Self.good + "\n" + "usage,model=b cost=2 1789000001"
    let whole = HTTPTestClient.request("POST", "/v1/ingest", body: Array(body.utf8))
    let client = try fixture.client()
    for position in stride(from: 1, to: whole.count, by: 13) {
      try client.socket.send(Array(whole[..<position]))
      try client.socket.send(Array(whole[position...]))
      #expect(try client.response().text.hasPrefix("{\"accepted\":2,"))
    }
    for size in [1, 2, 7, body.utf8.count] {
      var chunks = "POST /v1/ingest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      var rest = body[...]
      while !rest.isEmpty {
        let piece = rest.prefix(size)
        rest = rest.dropFirst(size)
        chunks += String(piece.utf8.count, radix: 16) + "\r\n" + piece + "\r\n"
      }
      try client.socket.send(chunks + "0\r\n\r\n")
      #expect(try client.response().text.hasPrefix("{\"accepted\":2,"))
    }
  }

  @Test func `a store that takes nothing says why`() throws {
    var options = Database.Options()
    options.access = .readOnly
    let closed = try HTTPFixture(database: options)
    let refused = try closed.exchange("POST", "/v1/ingest", Self.good)
    #expect(refused.status == 403 && refused.text.contains("\"code\":\"E_READ_ONLY\""))
    let unready = try closed.exchange("GET", "/readyz")
    #expect(unready.status == 503 && unready.text.contains("\"code\":\"E_READ_ONLY\""))
    options.access = .readWrite
    options.freeByteCountMin = 1 << 50
    let full = try HTTPFixture(database: options)
    let noRoom = try full.exchange("POST", "/v1/ingest", Self.good)
    #expect(noRoom.status == 507 && noRoom["Retry-After"] != nil, "\(noRoom.text)")
    #expect(noRoom.text.contains("\"code\":\"E_DISK_FULL\""))
    #expect(try full.exchange("GET", "/readyz").status == 503)
  }

  @Test func `at most a hundred rejected rows are named`() throws {
    let fixture = try HTTPFixture()
    let lines = Array(repeating: Self.bad, count: 103).joined(separator: "\n")
    let response = try fixture.exchange("POST", "/v1/ingest?mode=partial", lines)
    #expect(response.status == 400)
    #expect(response.text.contains(#"],"rejects_omitted":3,"retry":false,"#), "\(response.text)")
    #expect(response.text.contains(#""message":"every row was rejected","accepted":0,"#))
  }
}
