import TallyClient
import TallyTestSupport
import Testing

@Suite("TallyClient connections", .serialized) struct ConnectionTests {
  private static let head = "format=tsv cols=[[\"n\",\"int64\"]]\n"

  /// Answers the first query with what `reply` makes of its tag, and then ends the connection.
  private static func server(
    _ reply: @escaping @Sendable (_ tag: String) -> String
  ) throws -> ScriptedServer {
    try ScriptedServer { connection, _ in
      connection.greet()
      guard let line = connection.line() else { return }
      connection.send(reply(ScriptedServer.Connection.tag(line)))
    }
  }

  @Test(arguments: [
    (">@ {4}\n1\n2\n\n", "CLIENT_LOST"),
    (">@ {4}\n1\n", "CLIENT_LOST"),
    (">@ {4}\n1\n2\n\n.@ rows=2 checksum=crc32c:00000000\n", "CLIENT_DAMAGED"),
    (">@ {4}\n1\n2\n\n.@ rows=2\n", "CLIENT_DAMAGED"),
    (".@ rows=1 checksum=crc32c:00000000\n", "CLIENT_DAMAGED"),
    (">@ {4}\n1\n2\n\n-@ E_TIMEOUT ms=9 retry=yes :too slow\n", "E_TIMEOUT"),
    (">@ {4}\n1\n2\n\n.@ rows=3 checksum=crc32c:d0b42254\n", "CLIENT_DAMAGED"),
    (">@ {6}\n1\t2\n3\n\n", "CLIENT_DAMAGED"), (">@ {2}\nx\n\n", "CLIENT_DAMAGED"),
    ("what\n", "E_PROTOCOL"),
  ])
  func `an answer that is not whole is never taken for one`(rest: String, code: String)
    async throws
  {
    let server = try ConnectionTests.server { tag in
      "=\(tag) " + ConnectionTests.head + rest.replacing("@", with: tag)
    }
    let client = TallyClient(.init(port: server.port))
    let error = await #expect(throws: TallyClientError.self) {
      let rows = try await client.query("n")
      _ = try await rows.collect()
    }
    #expect(error?.code.rawValue == code)
    await client.close()
  }

  @Test func `a token that is refused is told, and not sent in plain text elsewhere`() async throws
  {
    let server = try ScriptedServer { connection, server in
      connection.greet()
      guard let line = connection.line() else { return }
      server.note(line)
      let tag = ScriptedServer.Connection.tag(line)
      connection.send("-\(tag) E_AUTH attempts_left=2 retry=no :the token is unknown\n")
      while connection.line() != nil {}
    }
    let client = TallyClient(.init(port: server.port, token: "tally_wrong"))
    let error = await #expect(throws: TallyClientError.self) { try await client.ping() }
    #expect(error?.code.rawValue == "E_AUTH")
    #expect(error?.isRetryable == false)
    #expect(server.noted.count == 1)
    await client.close()
  }

  @Test func `who does not read stops the server from sending`() async throws {
    let sentByteCount = Counter()
    let server = try ScriptedServer { connection, _ in
      connection.greet()
      guard let line = connection.line() else { return }
      let tag = ScriptedServer.Connection.tag(line)
      let piece = String(repeating: "1\n", count: 32_768)
      connection.send("=\(tag) " + ConnectionTests.head)
      for _ in 0..<1_024 {
        let text = ">\(tag) {65536}\n\(piece)\n"
        let count = connection.send(text, patience: 300)
        sentByteCount.add(count)
        guard count == text.utf8.count else { break }
      }
      sentByteCount.add(1 << 40)
    }
    let client = TallyClient(.init(port: server.port))
    let rows = try await client.query("n")
    #expect(await waits { sentByteCount.value > 1 << 40 })
    // What the sockets hold, and a megabyte here; 64 MiB were to be sent.
    #expect(sentByteCount.value - 1 << 40 < 24 << 20)
    var iterator = rows.makeAsyncIterator()
    #expect(try await iterator.next()?["n"] == .int(1))
    await client.close()
  }

  @Test func `a slow reader gets every row`() async throws {
    let fixture = try ClientFixture()
    try fixture.fill(rowCount: 60_000)
    let client = fixture.client()
    var count = 0
    for try await _ in try await client.query("select time, request, model from usage") {
      count += 1
      if count % 20_000 == 1 { try await Task.sleep(for: .milliseconds(20)) }
    }
    #expect(count == 60_000)
    await client.close()
  }

  @Test func `a query that is given up is stopped by its connection's key`() async throws {
    let server = try ScriptedServer { connection, server in
      guard let first = connection.line() else { return }
      let tag = ScriptedServer.Connection.tag(first)
      if first.contains("CANCEL") {
        server.note(first)
        return
      }
      connection.send("+\(tag) HELLO version=1 conn=\(connection.number) key=secret\n")
      while let line = connection.line() { server.note(line) }
    }
    let client = TallyClient(.init(port: server.port))
    let task = Task { try await client.query("select * from usage").collect().count }
    #expect(await waits { server.noted.count == 1 })
    task.cancel()
    let error = await #expect(throws: TallyClientError.self) { try await task.value }
    #expect(error?.code == .cancelled)
    #expect(await waits { server.noted.count == 2 })
    #expect(server.noted.last?.contains("CANCEL conn=1 key=secret #r2") == true)
    await client.close()
  }

  @Test func `a query that is given up gives its connection back`() async throws {
    let fixture = try ClientFixture()
    try fixture.fill(rowCount: 60_000)
    let client = fixture.client { $0.connectionCountMax = 1 }
    for _ in 0..<3 {
      for try await row in try await client.query("select request, model, time from usage") {
        #expect(row.values.count == 3)
        break
      }
    }
    let connection = try await client.status()["conn"]
    #expect(try await client.query("count(*)").collect().count == 1)
    #expect(try await client.status()["conn"] == connection)
    await client.close()
  }

  @Test func `no more connections are opened, nor requests kept waiting, than was said`()
    async throws
  {
    let fixture = try ClientFixture()
    try fixture.fill(rowCount: 10)
    let client = fixture.client {
      $0.connectionCountMax = 1
      $0.waiterCountMax = 1
      $0.acquireTimeout = .milliseconds(300)
    }
    let held = try await client.query("select request from usage")
    let waiting = Task { try await client.ping() }
    #expect(
      await waits {
        do throws(TallyClientError) {
          _ = try await client.status()
          return false
        } catch { return error.code == .poolFull }
      })
    #expect(fixture.connectionCount == 1)
    let error = await #expect(throws: TallyClientError.self) { try await waiting.value }
    #expect(error?.code == .poolFull)
    #expect(try await held.collect().count == 10)
    #expect(try await client.ping() > .zero)
    await client.close()
  }

  @Test func `a silent server is given up`() async throws {
    let server = try ScriptedServer { connection, _ in
      connection.greet()
      while connection.line() != nil {}
    }
    var configuration = TallyClient.Configuration(port: server.port)
    configuration.replyTimeout = .milliseconds(50)
    let client = TallyClient(configuration)
    let error = await #expect(throws: TallyClientError.self) { try await client.ping() }
    #expect(error?.code == .timeout)
    await client.close()
  }

  @Test func `a subscription pushes what changes`() async throws {
    let server = try ScriptedServer { connection, server in
      connection.greet()
      guard let line = connection.line() else { return }
      server.note(line)
      let tag = ScriptedServer.Connection.tag(line)
      connection.send("+\(tag) SUBSCRIBE every=1s on=change\n")
      connection.send("=\(tag) push=1 " + ConnectionTests.head + ">\(tag) {2}\n1\n\n")
      connection.send(".\(tag) push=1 rows=1 checksum=crc32c:c96fd51e\n")
      connection.send("=\(tag) push=3 " + ConnectionTests.head)
      connection.send(".\(tag) push=3 rows=0 checksum=crc32c:00000000\n")
      connection.send("-\(tag) E_LIMIT retry=no :too much\n")
      while connection.line() != nil {}
    }
    let client = TallyClient(.init(port: server.port))
    var pushes: [TallyClient.Push] = []
    let error = await #expect(throws: TallyClientError.self) {
      for try await push in try await client.subscribe("count(*) as n", every: .seconds(1)) {
        pushes.append(push)
      }
    }
    #expect(error?.code.rawValue == "E_LIMIT")
    #expect(pushes.map(\.number) == [1, 3])
    #expect(pushes.first?.rows.first?.values == [.int(1)])
    #expect(server.noted.first?.contains("SUBSCRIBE every=1s on=change format=tsv") == true)
    await client.close()
  }

  @Test func `a real server pushes results, and notices that nobody listens any more`()
    async throws
  {
    let fixture = try ClientFixture()
    let client = fixture.client()
    for try await push in try await client.subscribe("count(*) as n", every: .seconds(1)) {
      #expect(try push.rows.first?.get("n") == (push.number - 1) * 5)
      if push.number == 2 { break }
      try fixture.fill(rowCount: 5)
    }
    #expect(await waits { fixture.connectionCount == 0 })
    await client.close()
  }

  @Test func `a client that is let go closes its connections`() async throws {
    let fixture = try ClientFixture()
    do {
      let client = fixture.client()
      _ = try await client.ping()
      #expect(fixture.connectionCount == 1)
    }
    #expect(await waits { fixture.connectionCount == 0 })
  }
}
