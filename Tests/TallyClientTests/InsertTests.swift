import Synchronization
import TallyClient
import TallyTestSupport
import Testing

@Suite("TallyClient inserts", .serialized) struct InsertTests {
  @Test func `rows that cannot be taken are named`() async throws {
    let fixture = try ClientFixture()
    let client = fixture.client()
    let payload = Array("usage requests=1i\nusage cost=abc\n".utf8)
    let error = await #expect(throws: TallyClientError.self) {
      try await client.insert(payload, format: .influx)
    }
    #expect(error?.code.rawValue == "E_TYPE")
    #expect(error?.rejects.first?.place?.line == 2)
    #expect(error?.rejects.first?.field == "cost")
    var options = TallyClient.InsertOptions()
    options.mode = .partial
    options.acknowledgement = .published
    let receipt = try await client.insert(payload, format: .influx, options: options)
    #expect(receipt.acceptedCount == 1 && receipt.rejectedCount == 1)
    #expect(receipt.rejects.map(\.place?.line) == [2])
    await client.close()
  }

  @Test func `every batch is stored once though the server restarts meanwhile`() async throws {
    let fixture = try ClientFixture()
    let client = fixture.client { $0.retry.firstPause = .milliseconds(10) }
    let stored = Counter()
    let work = Task {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<8 {
          group.addTask {
            for number in 0..<25 {
              try await client.insert([
                ["model": "m", "requests": 1, "task": .int(Int128(task * 100 + number))],
                ["model": "m", "requests": 1],
              ])
              stored.add(1)
            }
          }
        }
        try await group.waitForAll()
      }
    }
    for count in [20, 80] {
      #expect(await waits { stored.value >= count })
      try fixture.restart()
    }
    try await work.value
    #expect(stored.value == 200)
    let rows = try await client.query(
      "select count(*) as n, count(distinct task) as tasks from usage")
    let row = try #require(try await rows.collect().first)
    #expect(try row.get("n", as: Int.self) == 400)
    #expect(try row.get("tasks", as: Int.self) == 200)
    await client.close()
  }

  @Test func `a batch without an answer is sent again under its number`() async throws {
    let server = try ScriptedServer { connection, server in
      connection.greet()
      while let line = connection.line() {
        server.note(line)
        guard connection.number > 1 else { return }
        connection.send("+\(ScriptedServer.Connection.tag(line)) INSERT accepted=0 replay=yes\n")
      }
    }
    let client = TallyClient(.init(port: server.port))
    let receipt = try await client.insert(Array("usage a=1i".utf8), format: .influx)
    #expect(receipt.isReplay && receipt.attemptCount == 2)
    let numbers = server.noted.compactMap { $0.firstMatch(of: /producer=\S+ seq=\d+/)?.output }
    #expect(numbers.count == 2 && numbers.first == numbers.last)
    await client.close()
  }

  @Test func `only what may succeed later is tried again`() async throws {
    let server = try ScriptedServer { connection, server in
      connection.greet()
      while let line = connection.line() {
        server.note(line)
        let tag = ScriptedServer.Connection.tag(line)
        if line.contains("ack=os") {
          connection.send("-\(tag) E_TYPE accepted=0 rejected=1 retry=no :wrong\n")
        } else {
          connection.send("-\(tag) E_LATER after_ms=1 retry=yes :not now\n")
        }
      }
    }
    var configuration = TallyClient.Configuration(port: server.port)
    configuration.retry.attemptCountMax = 4
    configuration.retry.firstPause = .milliseconds(1)
    let client = TallyClient(configuration)
    var options = TallyClient.InsertOptions()
    options.acknowledgement = .os
    var error = await #expect(throws: TallyClientError.self) {
      try await client.insert([["model": "m"]], options: options)
    }
    #expect(error?.code.rawValue == "E_TYPE")
    #expect(server.noted.count == 1)
    error = await #expect(throws: TallyClientError.self) {
      try await client.insert([["model": "m"]])
    }
    #expect(error?.code.rawValue == "E_LATER")
    #expect(error?.retryAfter == .milliseconds(1))
    #expect(server.noted.count == 5)
    await client.close()
  }

  @Test func `no batch is sent that is 64 numbers ahead of one under way`() async throws {
    let isReleased = Atomic<Bool>(false)
    let server = try ScriptedServer { connection, server in
      connection.greet()
      var withheld: String?
      while let line = connection.line() {
        let tag = ScriptedServer.Connection.tag(line)
        guard let number = line.firstMatch(of: /seq=(\d+)/)?.1 else {
          connection.send("+\(tag) PING\n")
          if let withheld, isReleased.load(ordering: .relaxed) {
            connection.send("+\(withheld) INSERT accepted=1\n")
          }
          continue
        }
        server.note(String(number))
        if number == "1" { withheld = tag } else { connection.send("+\(tag) INSERT accepted=1\n") }
      }
    }
    var configuration = TallyClient.Configuration(port: server.port)
    configuration.connectionCountMax = 1
    let client = TallyClient(configuration)
    async let all: Void = withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<100 { group.addTask { _ = try await client.insert([["model": "m"]]) } }
      try await group.waitForAll()
    }
    #expect(await waits { server.noted.count >= 64 })
    _ = try await client.ping()
    #expect(server.noted.compactMap { Int($0) }.max() == 64)
    isReleased.store(true, ordering: .relaxed)
    _ = try await client.ping()
    try await all
    #expect(server.noted.count == 100)
    await client.close()
  }
}
