import TallyClient
import TallyTestSupport
import Testing

@Suite("TallyClient queries", .serialized) struct QueryTests {
  @Test func `what was inserted comes back with its types`() async throws {
    let fixture = try ClientFixture()
    let client = fixture.client()
    let text = "a\tb\\c\nd \"e\""
    let receipt = try await client.insert([
      TallyClient.Event(
        time: 1_789_000_000_123_456,
        [
          "model": "gpt-5", "org": "acme", "input_tokens": 812, "success": true,
          "note": .text(text),
          "cost": .decimal(.init(unscaled: 12_300_000, scale: 9)), "score": 0.25,
        ])
    ])
    #expect(receipt.acceptedCount == 1 && receipt.attemptCount == 1 && !receipt.isReplay)
    let rows = try await client.query(
      "select time, date_trunc('day', time) as day, model, input_tokens, cost, score, success,"
        + " note, user, sum(input_tokens) as total from usage"
        + " group by time, day, model, input_tokens, cost, score, success, note, user")
    #expect(rows.columns.first?.type == "timestamp")
    let all = try await rows.collect()
    let row = try #require(all.first)
    #expect(all.count == 1)
    #expect(row["time"] == .timestamp(microseconds: 1_789_000_000_123_456))
    #expect(try row.get("model") == "gpt-5")
    #expect(try row.get("input_tokens", as: Int.self) == 812)
    #expect(try row.get("total", as: Int128.self) == 812)
    #expect(try row.get("cost", as: TallyClient.Decimal.self).description == "0.012300000")
    #expect(try row.get("cost", as: Double.self) == 0.0123)
    #expect(try row.get("score", as: Double.self) == 0.25)
    #expect(try row.get("success", as: Bool.self))
    #expect(try row.get("note", as: String.self) == text)
    #expect(try row.get("user", as: String?.self) == nil)
    #expect(throws: TallyClientError.self) { try row.get("user", as: String.self) }
    #expect(throws: TallyClientError.self) { try row.get("model", as: Int.self) }
    #expect(throws: TallyClientError.self) { try row.get("modle", as: String.self) }
    #expect(rows.summary?.rowCount == 1)
    await client.close()
  }

  @Test func `parameters are values, never text`() async throws {
    let fixture = try ClientFixture()
    try fixture.fill(rowCount: 70)
    let client = fixture.client { $0.connectionCountMax = 1 }
    let text = "select count(*) as n from usage where model = $1 and time >= $2::timestamp"
    for (model, count) in [("model-3", 10), ("' or 1=1 --", 0), ("model-4", 10)] {
      let rows = try await client.query(
        text, parameters: [.text(model), .timestamp(microseconds: 1_700_000_000_000_000)])
      #expect(try await rows.collect().first?.get("n") == count)
    }
    let error = await #expect(throws: TallyClientError.self) {
      try await client.query("select $1 frm usage", parameters: [1])
    }
    #expect(error?.code.rawValue == "E_PARSE")
    await client.close()
  }

  @Test func `an error says what is wrong and where`() async throws {
    let fixture = try ClientFixture()
    try fixture.fill(rowCount: 1)
    let client = fixture.client()
    let error = await #expect(throws: TallyClientError.self) {
      try await client.query("select modle\nfrom usage")
    }
    #expect(error?.code.rawValue == "E_BIND")
    let place = try #require(error?.place)
    #expect(place.line == 1 && place.column == 8 && place.offset == 7 && place.length == 5)
    #expect(error?.hint?.contains("model") == true)
    #expect(error?.isRetryable == false)
    let rows = try await client.query("select model from usage where model = 'modle-0'")
    #expect(rows.warnings.first?.place?.line == 1)
    #expect(try await rows.collect().isEmpty)
    await client.close()
  }

  @Test func `many rows come in order, also while others ask`() async throws {
    let fixture = try ClientFixture()
    try fixture.fill(rowCount: 30_000)
    let client = fixture.client { $0.connectionCountMax = 3 }
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          var number = 0
          let rows = try await client.query("select request from usage order by time")
          for try await row in rows {
            guard row["request"] == .text("request-\(number)") else { return -1 }
            number += 1
          }
          _ = try await client.ping()
          return number
        }
      }
      for try await count in group { #expect(count == 30_000) }
    }
    await client.close()
  }

  @Test func `ping, status and flush`() async throws {
    let fixture = try ClientFixture()
    let client = fixture.client()
    #expect(try await client.ping() > .zero)
    #expect(try await client.status()["ready"] == "yes")
    try await client.flush()
    await client.close()
    let error = await #expect(throws: TallyClientError.self) { try await client.ping() }
    #expect(error?.code == .closed)
  }

  @Test func `a server that is not there is told as such`() async throws {
    let port = try ScriptedServer { _, _ in }.port
    let client = TallyClient(.init(port: port))
    let error = await #expect(throws: TallyClientError.self) { try await client.ping() }
    #expect(error?.code == .connect)
    #expect(error?.isRetryable == true)
  }

  @Test func `numbers are read and written exactly`() throws {
    for text in ["0", "-1", "0.05", "-0.000000001", "12345678901234567890.123456789"] {
      #expect(TallyClient.Decimal(text)?.description == text)
    }
    for text in ["", "-", ".", "1.2.3", "1e5", "+1", String(repeating: "9", count: 39)] {
      #expect(TallyClient.Decimal(text) == nil, "\(text)")
    }
  }
}
