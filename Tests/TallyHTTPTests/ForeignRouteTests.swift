import TallyHTTP
import TallyServer
import TallyTestSupport
import Testing

@Suite("routes of other databases' clients", .serialized)
struct ForeignRouteTests {
  private static let events = """
    usage,model=gpt-5 input_tokens=1i,cost=1 1789000000000
    usage,model=gpt-5 input_tokens=2i,cost=1 1789000000500
    usage,model=gpt-5-mini input_tokens=3i,cost=2 1789000001000
    """

  private static func fixture() throws -> HTTPFixture {
    let fixture = try HTTPFixture()
    #expect(try fixture.exchange("POST", "/write?precision=ms", events).status == 204)
    return fixture
  }

  @Test func `exec answers as QuestDB's clients read it`() throws {
    let fixture = try Self.fixture()
    #expect(
      try fixture.transcript(
        "GET",
        "/exec?query=select+model,count(*),sum(cost)+as+c+from+usage+group+by+model+order+by+model")
        == #"200 {"query":"select model,count(*),sum(cost) as c from usage group by model "#
        + #"order by model","columns":[{"name":"model","type":"SYMBOL"},"#
        + #"{"name":"count(*)","type":"LONG"},{"name":"c","type":"DECIMAL(38,9)"}],"timestamp":-1,"#
        + #""dataset":[["gpt-5",2,2.000000000],["gpt-5-mini",1,2.000000000]],"count":2}"# + "\n")
    #expect(
      try fixture.transcript(
        "GET",
        "/exec?query=select+time,input_tokens+from+usage+order+by+time&limit=1,2&count=true&nm=true"
          + "&timings=true&explain=true&quoteLargeNum=true&unknown=1")
        == #"200 {"query":"select time,input_tokens from usage order by time","timestamp":0,"#
        + #""dataset":[["2026-09-10T00:26:40.500000Z","2"]],"count":3,"#
        + #""timings":{"compiler":_,"execute":_},"explain":{"jitCompiled":false}}"# + "\n")
    #expect(
      try fixture.transcript("GET", "/exec?query=select+1+as+a+where+false")
        .hasSuffix(#""dataset":[],"count":0}"# + "\n"))
  }

  @Test func `errors of exec have their position in code points`() throws {
    let fixture = try Self.fixture()
    #expect(
      try fixture.transcript("GET", "/exec?query=select+'%C3%A9%C3%A9',cst+from+usage")
        == #"400 {"query":"select 'éé',cst from usage","error":"unknown column \"cst\"","#
        + #""position":12,"code":"E_BIND"}"# + "\n")
    for target in [
      "/exec", "/exec?query=select+1&limit=-5", "/exec?query=select+1&limit=3,1",
      "/exp?query=select+1&fmt=parquet", "/exp?query=select+1&delimiter=ab",
    ] {
      #expect(try fixture.exchange("GET", target).status == 400)
    }
  }

  @Test func `exp is a file of csv`() throws {
    let fixture = try Self.fixture()
    let response = try fixture.exchange(
      "GET", "/exp?query=select+model,input_tokens+from+usage+order+by+time&limit=2&delimiter=;")
    #expect(response.text == "model;input_tokens\ngpt-5;1\ngpt-5;2\n")
    #expect(response["Content-Disposition"]?.hasPrefix("attachment") == true)
    #expect(response.trailer("X-Tally-Rows") == "2")
    #expect(
      try fixture.exchange("GET", "/exp?nm=true&fmt=csv&query=select+'a,b'+as+x").text
        == "\"a,b\"\n")
  }

  @Test func `all of a large result comes through exec`() throws {
    let fixture = try HTTPFixture()
    try fixture.fill(rowCount: 5_000)
    let response = try fixture.exchange("GET", "/exec?query=select+request+from+usage")
    #expect(response.isComplete && response["Transfer-Encoding"] == "chunked")
    #expect(response.text.hasSuffix("],\"count\":5000}\n"))
    #expect(response.text.split(separator: "request-").count == 5_001)
  }

  @Test func `each write route has its times, statuses and errors`() throws {
    let fixture = try HTTPFixture()
    let good = "usage,model=a cost=1 1789000000"
    let bad = "usage,model=b cost=abc 1789000000"
    let reason = "'abc' is not a number, a string in quotes or true or false"
    let line = #"{"original_line":"\#(bad)","line_number":2,"error_message":"\#(reason)"}"#
    let tests: [(target: String, body: String, expected: String)] = [
      ("/write?db=x&rp=y&precision=s&u=a", good, "204 "),
      ("/api/v2/write?org=o&bucket=b&precision=s", good, "204 "),
      ("/api/v3/write_lp?db=x&precision=second", good, "204 "),
      ("/api/v3/write_lp?db=x&no_sync=true", good, "204 "),
      (
        "/write?precision=s", good + "\n" + bad,
        #"400 {"error":"partial write: line 2: \#(reason) dropped=1"}"# + "\n"
      ),
      (
        "/api/v2/write?precision=s", good + "\n" + bad,
        #"400 {"code":"invalid","message":"partial write: line 2: \#(reason) dropped=1","line":2}"#
          + "\n"
      ),
      (
        "/api/v3/write_lp?precision=s", good + "\n" + bad,
        #"400 {"error":"partial write of line protocol occurred","data":[\#(line)]}"# + "\n"
      ),
      (
        "/api/v3/write_lp?precision=s&accept_partial=false", good + "\n" + bad,
        #"400 {"error":"parsing failed for write_lp endpoint","data":\#(line)}"# + "\n"
      ),
      (
        "/api/v2/write?precision=h", good,
        #"400 {"code":"invalid","message":"found 'h' for 'precision', expected ms, ns, s, us"}"#
          + "\n"
      ),
      (
        "/write?precision=s", "cpu value=1 1789000000",
        "400 _"
      ),
    ]
    for test in tests {
      let found = try fixture.transcript("POST", test.target, test.body)
      if test.expected == "400 _" {
        #expect(found.hasPrefix("400 {\"error\":\"partial write: line 1: "), "\(found)")
      } else {
        #expect(found == test.expected)
      }
    }
    // Four times alone, and with each bad line that did not block it.
    let count = try fixture.exchange("POST", "/v1/query?end=no", "select count(*) as n from usage")
    #expect(count.text == "{\"n\":7}\n")
  }

  @Test func `errors of the write routes have the shape of their clients`() throws {
    let fixture = try HTTPFixture(http: { $0.bodyByteCountMax = 10 })
    let large = "usage,model=a cost=1 1789000000"
    let first = try fixture.exchange("POST", "/write", large)
    #expect(first.status == 413 && first["X-Tally-Code"] == "E_TOO_LARGE")
    #expect(first.text == "{\"error\":\"the body has more than 10 bytes\"}\n")
    let second = try fixture.exchange("POST", "/api/v2/write", large)
    #expect(
      second.text
        == "{\"code\":\"request too large\",\"message\":\"the body has more than 10 bytes\"}\n")
    let guarded = try HTTPFixture(authenticator: TestTokens())
    let denied = try guarded.exchange("POST", "/api/v2/write", large)
    #expect(denied.status == 401 && denied.text.hasPrefix("{\"code\":\"unauthorized\","))
    #expect(denied["X-Tally-Code"] == "E_AUTH")
  }

  @Test func `clients of InfluxDB find out what they speak to`() throws {
    let fixture = try HTTPFixture()
    let ping = try fixture.exchange("GET", "/ping")
    #expect(ping.status == 204 && ping["X-Influxdb-Version"] == "tally-0.1.0")
    let health = try fixture.exchange("GET", "/health")
    #expect(health.text == "{\"name\":\"tally\",\"status\":\"pass\"}\n")
    #expect(health["X-Influxdb-Version"] == "tally-0.1.0")
    #expect(try fixture.exchange("GET", "/readyz").text == "ready\n")
  }
}
