import Dispatch
import TallyAuth
import TallyHTTP
import TallyServer
import TallyTestSupport
import Testing

@Suite("tokens and orgs over HTTP", .serialized)
struct HTTPAccessTests {
  private static func bearer(_ token: String) -> [String] { ["Authorization: Bearer \(token)"] }

  /// Events of two orgs, sent by their own tokens.
  private static func fixture(questions: Int = .max) throws -> (HTTPFixture, TestTokens) {
    let tokens = TestTokens(questions: questions)
    let fixture = try HTTPFixture(authenticator: tokens)
    for (org, model) in [("acme", "gpt-5"), ("globex", "secret-model")] {
      let response = try fixture.exchange(
        "POST", "/v1/ingest", "usage,model=\(model),provider=\(org) cost=1 1789000000",
        headers: bearer(org))
      #expect(response.status == 200 && !response.text.contains("lsn"), "\(response.text)")
    }
    return (fixture, tokens)
  }

  @Test func `without a token that holds nothing is answered`() throws {
    let (fixture, tokens) = try Self.fixture()
    let missing = try fixture.exchange("POST", "/v1/query", "select 1")
    #expect(missing.status == 401 && missing["WWW-Authenticate"] == "Bearer")
    #expect(
      HTTPFixture.masked(missing.text)
        == #"{"error":{"code":"E_AUTH","message":"the token is unknown, expired or revoked","#
        + #""retry":false,"id":"_"}}"# + "\n")
    for header in ["Bearer wrong", "Digest acme", "Basic !!", "Bearer"] {
      let refused = try fixture.exchange(
        "POST", "/v1/query", "select 1", headers: ["Authorization: \(header)"])
      #expect(refused.status == 401, "\(header)")
    }
    for header in ["Bearer acme", "Token acme", "token acme", "Basic YW55OmFjbWU="] {
      let answered = try fixture.exchange(
        "POST", "/v1/query", "select 1", headers: ["Authorization: \(header)"])
      #expect(answered.status == 200, "\(header)")
    }
    for path in ["/ping", "/health", "/healthz", "/readyz"] {
      #expect(try fixture.exchange("GET", path).status < 300)
    }
    // A connection does not outlive its token.
    let client = try fixture.client()
    let (target, acme) = ("/exec?query=select+1", Self.bearer("acme"))
    #expect(try client.exchange("GET", target, headers: acme).status == 200)
    tokens.revoke("acme")
    #expect(try client.exchange("GET", target, headers: acme).status == 401)
  }

  @Test func `a token may do what its scopes say`() throws {
    let (fixture, _) = try Self.fixture()
    let refused = try fixture.exchange(
      "POST", "/v1/ingest", "usage cost=1 1789000000", headers: Self.bearer("reader"))
    #expect(refused.status == 403)
    #expect(
      HTTPFixture.masked(refused.text)
        == #"{"error":{"code":"E_FORBIDDEN","message":"the token lacks the scope "#
        + #"org:analytics:write","need":"org:analytics:write","retry":false,"id":"_"}}"# + "\n")
    let old = try fixture.exchange("POST", "/write?p=reader", "usage cost=1 1789000000")
    #expect(old.status == 403 && old["X-Tally-Code"] == "E_FORBIDDEN")
    #expect(try fixture.exchange("POST", "/write?p=acme", "usage cost=1 1789000000").status == 204)
    let server = try fixture.exchange("GET", "/metrics", headers: Self.bearer("admin"))
    #expect(server.text.contains("tally_connections"))
    let usage = try fixture.exchange("GET", "/metrics", headers: Self.bearer("reader"))
    #expect(usage.status == 200 && !usage.text.contains("tally_connections"))
  }

  @Test func `questions are counted and events are not`() throws {
    let (fixture, _) = try Self.fixture(questions: 2)
    let first = try fixture.exchange(
      "POST", "/v1/query", "select 1", headers: Self.bearer("acme"))
    #expect(first["RateLimit-Limit"] == "100" && first["RateLimit-Remaining"] == "1")
    #expect(first["RateLimit-Reset"] == "7")
    _ = try fixture.exchange("POST", "/v1/query", "select 1", headers: Self.bearer("acme"))
    let refused = try fixture.exchange(
      "POST", "/v1/query", "select 1", headers: Self.bearer("acme"))
    #expect(refused.status == 429 && refused["Retry-After"] == "2")
    #expect(
      HTTPFixture.masked(refused.text)
        == #"{"error":{"code":"E_RATE","message":"too many requests of this user","#
        + #""after_ms":1600,"scope":"user","retry":true,"id":"_"}}"# + "\n")
    let events = try fixture.exchange(
      "POST", "/v1/ingest", "usage cost=1 1789000000", headers: Self.bearer("acme"))
    #expect(events.status == 200)
  }

  @Test func `no route shows what is another org's`() throws {
    let (fixture, _) = try Self.fixture()
    let acme = Self.bearer("acme")
    let targets = [
      ("POST", "/v1/query", "select * from usage"),
      ("POST", "/v1/query", "select model from usage where model = 'secre-model'"),
      (
        "POST", "/v1/query?format=json",
        "select org, model, provider, count(*) from usage group by org, model, provider"
      ),
      ("POST", "/v1/query", "select * from usage where org = 'globex'"),
      ("POST", "/v1/query", "describe usage"),
      ("POST", "/v1/query", "explain analyze select * from usage"),
      ("GET", "/exec?query=select+*+from+usage", nil),
      ("GET", "/exec?count=true&query=select+*+from+usage", nil),
      ("GET", "/exp?query=select+*+from+usage", nil),
      ("GET", "/metrics", nil),
    ]
    for (method, target, body) in targets {
      let response = try fixture.exchange(method, target, body, headers: acme)
      #expect(!response.text.contains("secret"), "\(target) \(response.text)")
      #expect(!response.text.contains("\"globex\""), "\(target) \(response.text)")
      #expect(response["X-Tally-Columns"]?.contains("secret") != true)
    }
    let own = try fixture.exchange("GET", "/metrics", headers: acme)
    #expect(own.text.contains(#"tally_cost_usd_total{provider="acme",model="gpt-5"} 1"#))
    for target in ["/v1/ingest", "/v1/ingest?mode=partial", "/write", "/api/v3/write_lp"] {
      let refused = try fixture.exchange(
        "POST", target, "usage,org=globex cost=1 1789000000", headers: acme)
      #expect(refused.status == (target.hasPrefix("/v1") ? 403 : 400), "\(refused.text)")
    }
    let header = acme + ["X-Tally-Org: globex"]
    #expect(try fixture.exchange("POST", "/v1/query", "select 1", headers: header).status == 403)
  }

  @Test func `a token of all orgs may narrow itself`() throws {
    let (fixture, _) = try Self.fixture()
    let admin = Self.bearer("admin")
    let all = try fixture.exchange("POST", "/v1/query?end=no", "count(*)", headers: admin)
    #expect(all.text == "{\"count(*)\":2}\n")
    let one = try fixture.exchange(
      "POST", "/v1/query?end=no", "count(*) by model", headers: admin + ["X-Tally-Org: globex"])
    #expect(one.text == "{\"model\":\"secret-model\",\"count(*)\":1}\n")
    #expect(
      try fixture.exchange("POST", "/v1/query", "count(*)", headers: admin + ["X-Tally-Org:"])
        .status == 403)
  }

  @Test func `queries of another org cannot be stopped or found out`() throws {
    let tokens = TestTokens()
    let fixture = try HTTPFixture(server: { $0.queryCountMax = 1 }, authenticator: tokens)
    let letGo = fixture.blockQueries()
    defer { letGo.signal() }
    let client = try fixture.client()
    try client.socket.send(
      HTTPTestClient.request(
        "POST", "/v1/query", headers: Self.bearer("globex") + ["X-Query-Id: same"],
        body: Array("select 1".utf8)))
    #expect(HTTPFixture.waits { fixture.server.queryCount == 1 })
    let acme = Self.bearer("acme")
    #expect(try fixture.exchange("DELETE", "/v1/query/same", headers: acme).status == 404)
    // The name is free in another org.
    let own = try fixture.client()
    try own.socket.send(
      HTTPTestClient.request(
        "POST", "/v1/query?timeout=100ms", headers: acme + ["X-Query-Id: same"],
        body: Array("select 1".utf8)))
    #expect(try own.response().status == 408)
    #expect(fixture.server.queryCount == 1)
    let admin = Self.bearer("admin")
    #expect(try fixture.exchange("DELETE", "/v1/query/same", headers: admin).status == 200)
    #expect(try client.response().status == 499)
  }

  @Test func `nothing is served that cannot be written down`() throws {
    let (fixture, tokens) = try Self.fixture()
    tokens.breakAuditLog()
    for (target, body) in [("/v1/query", "select 1"), ("/v1/ingest", "usage cost=1 1789000000")] {
      let refused = try fixture.exchange("POST", target, body, headers: Self.bearer("acme"))
      #expect(refused.status == 500 && refused.text.contains("\"code\":\"E_IO\""))
    }
  }
}
