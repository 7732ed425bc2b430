import Dispatch
import TallyBase
import TallyHTTP
import TallyServer
import TallyTestSupport
import Testing

@Suite("queries over HTTP", .serialized)
struct QueryRouteTests {
  private static let events = """
    usage,model=gpt-5,user=u1 input_tokens=812i,output_tokens=90i,cost=0.0123 1789000000000
    usage,model=gpt-5-mini,user=u1 input_tokens=40i,output_tokens=12i,cost=0.0004 1789000001000
    """

  private static func fixture() throws -> HTTPFixture {
    let fixture = try HTTPFixture()
    #expect(try fixture.exchange("POST", "/v1/ingest?precision=ms", events).status == 200)
    return fixture
  }

  private static let rows = """
    {"model":"gpt-5","c":0.012300000}
    {"model":"gpt-5-mini","c":0.000400000}
    """
  private static var end: String {
    let bytes = Array((rows + "\n").utf8)
    let checksum = unsafe bytes.withUnsafeBytes {
      // SAFETY: the buffer is valid during the call.
      unsafe String(CRC32C.checksum($0, continuing: 0), radix: 16)
    }
    let digits = String(repeating: "0", count: 8 - checksum.utf8.count) + checksum
    return #"{"rows":2,"read_rows":2,"read_bytes":_,"ms":_,"source":"rows","#
      + #""checksum":"crc32c:\#(digits)"}"#
  }
  private static let query = "select model, sum(cost) as c from usage group by model"

  @Test func `each format is written as the document says`() throws {
    let fixture = try Self.fixture()
    let jsonl = "200 \(Self.rows)\n{\"end\":\(Self.end)}\n"
    #expect(try fixture.transcript("POST", "/v1/query", Self.query) == jsonl)
    let columns = #"[["model","symbol"],["c","decimal(38,9)"]]"#
    #expect(
      try fixture.transcript("POST", "/v1/query?header=yes&end=no", Self.query)
        == "200 {\"columns\":\(columns)}\n\(Self.rows)\n")
    let rows = Self.rows.split(separator: "\n").joined(separator: ",\n")
    #expect(
      try fixture.transcript("POST", "/v1/query?format=json", Self.query)
        == "200 {\"columns\":\(columns),\"rows\":[\n\(rows)],\"end\":\(Self.end)}\n")
    let csv = "200 model,c\ngpt-5,0.012300000\ngpt-5-mini,0.000400000\n"
    #expect(
      try fixture.transcript("POST", "/v1/query", Self.query, headers: ["Accept: text/csv"]) == csv)
    #expect(
      try fixture.transcript("POST", "/v1/query?format=tsv&header=no", Self.query)
        == "200 gpt-5\t0.012300000\ngpt-5-mini\t0.000400000\n")
    let table = try fixture.transcript(
      "POST", "/v1/query", Self.query, headers: ["Accept: text/plain"])
    #expect(table.contains("│ gpt-5-mini │"), "\(table)")
    #expect(
      try fixture.transcript("POST", "/v1/query?format=json", "select 1 as a where false")
        .hasPrefix("200 {\"columns\":[[\"a\",\"int64\"]],\"rows\":[],\"end\":{\"rows\":0"))
  }

  @Test func `csv has its number of rows and its checksum as trailers`() throws {
    let fixture = try Self.fixture()
    let response = try fixture.exchange("POST", "/v1/query?format=csv", Self.query)
    #expect(response.isComplete)
    #expect(response["Trailer"] == "X-Tally-Rows, X-Tally-Checksum")
    #expect(response.trailer("X-Tally-Rows") == "2")
    let checksum = try #require(response.trailer("X-Tally-Checksum"))
    #expect(checksum.wholeMatch(of: /crc32c:[0-9a-f]{8}/) != nil)
    #expect(response["X-Tally-Columns"] == #"[["model","symbol"],["c","decimal(38,9)"]]"#)
    let names = try fixture.exchange("POST", "/v1/query", "select 1 as \"größe\"")
    #expect(names["X-Tally-Columns"] == #"[["gr\u00f6\u00dfe","int64"]]"#)
  }

  @Test func `a query comes in the URL, as text, or as JSON with values`() throws {
    let fixture = try Self.fixture()
    let asked = try fixture.transcript(
      "GET", "/v1/query?query=select+model+from+usage+where+model+%3D+$1&params=[\"gpt-5\"]&end=no")
    #expect(asked == "200 {\"model\":\"gpt-5\"}\n")
    let json = #"""
      {"query":"select $1 as a, $2 as b, $3 as c, $4 as d","params":["é\n",2.50,true,null],
       "format":"csv","header":false,"timeout":"5s"}
      """#
    let type = ["Content-Type: application/json; charset=utf-8"]
    #expect(
      try fixture.transcript("POST", "/v1/query", json, headers: type)
        == "200 \"é\n\",2.50,true,\n")
    let form = ["Content-Type: application/x-www-form-urlencoded"]
    #expect(
      try fixture.transcript("POST", "/v1/query?end=no", "select 1 as a;", headers: form)
        == "200 {\"a\":1}\n")
  }

  @Test func `errors have their status, code and place`() throws {
    let fixture = try Self.fixture()
    let tests: [(target: String, body: String, headers: [String], expected: String)] = [
      (
        "", "select sum(cst) from usage", [],
        #"400 {"error":{"code":"E_BIND","message":"unknown column \"cst\"","line":1,"col":12,"#
          + #""offset":11,"len":3,"hint":"did you mean \"cost\"?","retry":false,"id":"_"}}"#
      ),
      (
        "?tiemout=5s", "select 1", [],
        #"400 {"error":{"code":"E_ARGUMENT","message":"POST /v1/query has no option 'tiemout'","#
          + #""hint":"did you mean 'timeout'?","retry":false,"id":"_"}}"#
      ),
      (
        "", "", [],
        #"400 {"error":{"code":"E_ARGUMENT","message":"found no query, expected one in the body "#
          + #"or in 'query'","retry":false,"id":"_"}}"#
      ),
      (
        "", "select 1", ["Accept: image/png"],
        #"406 {"error":{"code":"E_NOT_ACCEPTABLE","message":"found Accept: image/png, expected a "#
          + #"type that rows can be written as","hint":"application/x-ndjson, application/json, "#
          + #"text/csv, text/tab-separated-values","retry":false,"id":"_"}}"#
      ),
      (
        "", "select 1", ["Content-Type: image/png"],
        #"415 {"error":{"code":"E_MEDIA_TYPE","message":"found Content-Type: image/png, expected "#
          + #"text or application/json","retry":false,"id":"_"}}"#
      ),
      (
        "", "select 1", ["Content-Encoding: br"],
        #"415 {"error":{"code":"E_MEDIA_TYPE","message":"found Content-Encoding: br, expected "#
          + #"gzip, zstd or identity","retry":false,"id":"_"}}"#
      ),
      (
        "?format=xml", "select 1", [],
        #"400 {"error":{"code":"E_ARGUMENT","message":"found 'xml' for 'format', expected jsonl, "#
          + #"json, csv, tsv or table","retry":false,"id":"_"}}"#
      ),
      (
        "?query=%zz", "", [],
        #"400 {"error":{"code":"E_ARGUMENT","message":"found 'query=%zz' in the URL, expected "#
          + #"UTF-8 with escapes like %20","retry":false,"id":"_"}}"#
      ),
    ]
    for test in tests {
      #expect(
        try fixture.transcript("POST", "/v1/query" + test.target, test.body, headers: test.headers)
          == test.expected + "\n")
    }
    for (text, code, status) in [
      ("select", "E_PARSE", 400), ("select 1 / 0.0 + cast('x' as int)", "E_VALUE", 400),
      ("insert into usage values (1)", "E_UNSUPPORTED", 400),
    ] {
      let response = try fixture.exchange("POST", "/v1/query", text)
      #expect(response.status == status)
      #expect(response.text.contains("\"code\":\"\(code)\""), "\(response.text)")
    }
  }

  @Test func `rows beyond max_rows end with an error that tells so`() throws {
    let fixture = try Self.fixture()
    let lines = try fixture.exchange(
      "POST", "/v1/query?max_rows=1", "select model from usage order by model")
    #expect(lines.status == 200 && lines.isComplete)
    #expect(
      HTTPFixture.masked(lines.text) == """
        {"model":"gpt-5"}
        {"error":{"code":"E_LIMIT","message":"the result has 2 rows, 1 were allowed",\
        "hint":"raise max_rows, or ask for the top ones","retry":false,"id":"_"}}

        """)
    for target in ["?max_rows=1&format=csv", "?max_rows=1&end=no"] {
      let broken = try fixture.exchange("POST", "/v1/query" + target, "select model from usage")
      // Never an answer that looks whole.
      #expect(broken.status == 200 && !broken.isComplete)
    }
  }

  @Test func `what was probably not meant is told with the end`() throws {
    let fixture = try Self.fixture()
    let text = try fixture.exchange(
      "POST", "/v1/query", "select model from usage where model = 'gtp-5'"
    ).text
    #expect(text.contains(#""warnings":[{"message":"no row has model = 'gtp-5'","line":1,"#))
  }

  @Test func `a query is named, timed, and its name is taken once`() throws {
    let fixture = try HTTPFixture(server: { $0.queryCountMax = 1 })
    let response = try fixture.exchange(
      "POST", "/v1/query", "select 1", headers: ["X-Query-Id: report-7"])
    #expect(response["X-Query-Id"] == "report-7")
    let timing = try #require(response["Server-Timing"])
    let format =
      /queue;dur=[0-9.]+, parse;dur=[0-9.]+, bind;dur=[0-9.]+, exec;dur=[0-9.]+/
    #expect(timing.wholeMatch(of: format) != nil, "\(timing)")
    #expect(
      try fixture.exchange("POST", "/v1/query", "select 1")["X-Query-Id"]?.hasPrefix("q-") == true)
    #expect(
      try fixture.exchange("POST", "/v1/query", "select 1", headers: ["X-Query-Id: a/b"]).status
        == 400)
    let letGo = fixture.blockQueries()
    defer { letGo.signal() }
    let waiting = try fixture.client()
    let header = ["X-Query-Id: report-7"]
    try waiting.socket.send(
      HTTPTestClient.request("POST", "/v1/query", headers: header, body: Array("select 1".utf8)))
    #expect(HTTPFixture.waits { fixture.server.queryCount == 1 })
    #expect(
      try fixture.transcript("POST", "/v1/query", "select 1", headers: header)
        == #"409 {"error":{"code":"E_TAG","message":"a query that is running has this X-Query-Id","#
        + #""tag":"report-7","retry":false,"id":"_"}}"# + "\n")
    #expect(
      try fixture.transcript("DELETE", "/v1/query/report-7")
        == "200 {\"id\":\"report-7\",\"found\":true}\n")
    let stopped = try waiting.response()
    #expect(stopped.status == 499)
    #expect(stopped.text.contains("\"code\":\"E_CANCELLED\""))
    #expect(try fixture.exchange("DELETE", "/v1/query/report-7").status == 404)
  }

  @Test func `a query that waits too long or for too many is refused`() throws {
    let fixture = try HTTPFixture(server: {
      $0.queryCountMax = 1
      $0.waitingQueryCountMax = 1
    })
    let letGo = fixture.blockQueries()
    defer { letGo.signal() }
    let late = try fixture.client()
    try late.socket.send(
      HTTPTestClient.request("POST", "/v1/query?timeout=200ms", body: Array("select 1".utf8)))
    #expect(HTTPFixture.waits { fixture.server.queryCount == 1 })
    let busy = try fixture.exchange("POST", "/v1/query", "select 1")
    #expect(busy.status == 503 && busy["Retry-After"] == "1")
    #expect(busy.text.contains("\"code\":\"E_BUSY\"") && busy.text.contains("\"after_ms\":1000"))
    let timeout = try late.response()
    #expect(timeout.status == 408)
    #expect(timeout.text.contains("\"code\":\"E_TIMEOUT\""), "\(timeout.text)")
  }

  @Test(.enabled(if: Compression.isAvailable, "gzip or zstd is not installed"))
  func `bodies are compressed both ways`() throws {
    let fixture = try HTTPFixture()
    try fixture.fill(rowCount: 3_000)
    let query = "select request from usage order by request"
    let plain = try fixture.exchange("POST", "/v1/query?format=csv", query).text
    for coding in ["gzip", "zstd"] {
      let header = ["Accept-Encoding: br;q=1, \(coding);q=0.5, identity;q=0.1"]
      for target in ["/v1/query?format=csv", "/v1/query?format=csv&max_rows=100000"] {
        let response = try fixture.exchange("POST", target, query, headers: header)
        #expect(response["Content-Encoding"] == coding)
        #expect(response.isComplete && response.body.count < plain.utf8.count / 2)
        #expect(try Compression.decode(response.body, coding) == Array(plain.utf8))
      }
      let asked = try fixture.client()
      try asked.socket.send(
        HTTPTestClient.request(
          "POST", "/v1/query?format=csv", headers: ["Content-Encoding: \(coding)"],
          body: try Compression.encode(Array(query.utf8), coding)))
      #expect(try asked.response().text == plain)
    }
    #expect(
      try fixture.exchange(
        "POST", "/v1/query", "select 1", headers: ["Accept-Encoding: gzip;q=0"])["Content-Encoding"]
        == nil)
  }
}
