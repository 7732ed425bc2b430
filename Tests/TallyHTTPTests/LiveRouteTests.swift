import Foundation
import TallyHTTP
import TallyServer
import TallyTestSupport
import Testing

@Suite("server-sent events", .serialized)
struct LiveRouteTests {
  /// Reads events until one has been read whole.
  private static func event(_ client: HTTPTestClient, _ buffer: inout String) throws -> String {
    while true {
      if let end = buffer.range(of: "\n\n") {
        let event = String(buffer[..<end.lowerBound])
        buffer.removeSubrange(..<end.upperBound)
        return event
      }
      guard let chunk = try client.chunk(), !chunk.isEmpty else { return "the end" }
      buffer += String(decoding: chunk, as: UTF8.self)
    }
  }

  private static func open(_ fixture: HTTPFixture, _ target: String) throws -> HTTPTestClient {
    let client = try fixture.client()
    try client.socket.send(HTTPTestClient.request("GET", target))
    let head = try client.head()
    #expect(head.status == 200 && head["Content-Type"] == "text/event-stream")
    return client
  }

  @Test func `a result is pushed when it changes`() throws {
    let fixture = try HTTPFixture()
    let target = "/v1/live?every=1s&query=select+count(*)+as+n+from+usage"
    let client = try Self.open(fixture, target)
    var buffer = ""
    #expect(try Self.event(client, &buffer) == "retry: 5000")
    let first = try Self.event(client, &buffer)
    #expect(first.hasPrefix("id: 1\nevent: result\ndata: {\"columns\":[[\"n\",\"int64\"]],"))
    #expect(first.contains("{\"n\":0}"))
    #expect(
      try fixture.exchange("POST", "/v1/ingest", "usage cost=1 1789000000").status == 200)
    let second = try Self.event(client, &buffer)
    #expect(second.hasPrefix("id: 2\nevent: result\n") && second.contains("{\"n\":1}"))
    client.socket.close()
    #expect(HTTPFixture.waits { fixture.server.streamCount == 0 })
  }

  @Test func `the numbers that the server knows are pushed without a query`() throws {
    let fixture = try HTTPFixture(http: { $0.keepAliveCommentMilliseconds = 100 })
    let client = try Self.open(fixture, "/v1/live?every=1s")
    var buffer = ""
    _ = try Self.event(client, &buffer)
    let event = try Self.event(client, &buffer)
    #expect(event.hasPrefix("id: 1\nevent: live\ndata: {\"time\":\""), "\(event)")
    #expect(event.contains("\"cost_per_hour\":0.000000000"))
    #expect(try Self.event(client, &buffer) == ": keep-alive")
    fixture.server.shutDown(withinMilliseconds: 5_000)
    var last = try Self.event(client, &buffer)
    while last == ": keep-alive" { last = try Self.event(client, &buffer) }
    #expect(last.hasPrefix("event: error\ndata: {\"code\":\"E_SHUTDOWN\","), "\(last)")
  }

  @Test func `a token that no longer holds ends its streams`() throws {
    let tokens = TestTokens()
    let fixture = try HTTPFixture(authenticator: tokens)
    let client = try Self.open(
      fixture, "/v1/live?every=1s&on=tick&query=select+1+as+a&access_token=reader")
    var buffer = ""
    _ = try Self.event(client, &buffer)
    #expect(try Self.event(client, &buffer).contains("{\"a\":1}"))
    tokens.revoke("reader")
    var last = try Self.event(client, &buffer)
    if last.hasPrefix("id: 2") { last = try Self.event(client, &buffer) }
    #expect(last.hasPrefix("event: error\ndata: {\"code\":\"E_AUTH\","), "\(last)")
    #expect(try Self.event(client, &buffer) == "the end")
  }

  @Test func `what cannot be pushed is refused at once`() throws {
    let fixture = try HTTPFixture(http: { $0.streamCountMax = 1 })
    for (target, status) in [
      ("?every=1ms", 400), ("?every=2h", 400), ("?on=never", 400), ("?evry=5s", 400),
      ("?query=select+cst+from+usage", 400), ("?query=", 400),
    ] {
      let response = try fixture.exchange("GET", "/v1/live" + target)
      #expect(response.status == status, "\(target) \(response.text)")
    }
    let client = try Self.open(fixture, "/v1/live")
    #expect(try fixture.exchange("GET", "/v1/live").status == 422)
    client.socket.close()
    #expect(HTTPFixture.waits { fixture.server.streamCount == 0 })
  }
}
