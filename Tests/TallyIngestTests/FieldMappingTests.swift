import TallyBase
import TallyIngest
import Testing

@Suite struct FieldMappingTests {
  @Test func `aliases feed the standard columns in their unit`() throws {
    let line = """
      {"createdAt":"2026-01-05 10:00:00","orgId":"a","userId":7,"modelName":"m",\
      "prompt_tokens":5,"completionTokens":"6","costUSD":0.25,"durationSeconds":1.5,\
      "gen_ai.provider.name":"p","sessionId":"s"}
      """
    let row = try #require(try imported(line, .jsonl).rows.first)
    let expected: Row = [
      "time": .integer(1_767_607_200_000_000), "org": .text("a"), "user": .text("7"),
      "model": .text("m"), "input_tokens": .integer(5), "output_tokens": .integer(6),
      "cost": .integer(250_000_000), "latency_ms": .integer(1_500_000), "provider": .text("p"),
      "session": .text("s"),
    ]
    #expect(row == expected)
  }

  @Test func `micro-dollars become dollars exactly`() throws {
    let row = try imported(#"{"ts":1700000000,"estimatedCostMicros":1234567.5}"#, .jsonl).rows
    #expect(row.first?["cost"] == .integer(1_234_567_500))
  }

  @Test func `renames, constants and ignored fields`() throws {
    let mapping = try FieldMapping(
      renames: [(field: "who", column: "user"), (field: "kind", column: "shade")],
      constants: [(column: "org", value: "acme"), (column: "requests", value: "3")],
      ignored: ["noise"])
    let line = #"{"time":1700000000,"who":"u","kind":"k","noise":{"a":[1,{}]},"org":"other"}"#
    let result = try imported(line, .jsonl, mapping: mapping)
    #expect(result.rejections.isEmpty)
    let expected: Row = [
      "time": .integer(1_700_000_000_000_000), "user": .text("u"), "shade": .text("k"),
      "org": .text("acme"), "requests": .integer(3),
    ]
    #expect(result.rows == [expected])
  }

  @Test func `wishes that cannot be met are refused`() throws {
    #expect(throws: TallyError.self) { try FieldMapping(renames: [(field: "a", column: "")]) }
    #expect(throws: TallyError.self) {
      try FieldMapping(renames: [(field: "a", column: "x"), (field: "a", column: "y")])
    }
    #expect(throws: TallyError.self) {
      try FieldMapping(constants: [(column: "x", value: "1"), (column: "x", value: "2")])
    }
    let mapping = try FieldMapping(constants: [(column: "cost", value: "cheap")])
    #expect(throws: TallyError.self) {
      try imported(#"{"time":1}"#, .jsonl, mapping: mapping)
    }
  }

  @Test func `new columns, tags and metadata`() throws {
    let line = #"""
      {"time":1700000000,"color":"red","depth":3,"weight":1.5,"beta":true,"nothing":null,\#
      "tags":{"team":"core","tier":2,"vip":false,"none":null},"metadata":{"k": [1, "x"]}}
      """#
    let result = try imported(line, .jsonl)
    #expect(result.rejections.isEmpty)
    let expected: Row = [
      "time": .integer(1_700_000_000_000_000), "color": .text("red"), "depth": .integer(3),
      "weight": .double(1.5), "beta": .bool(true), "team": .text("core"), "tier": .text("2"),
      "vip": .text("false"), "metadata": .text(#"{"k": [1, "x"]}"#),
    ]
    #expect(result.rows == [expected])
  }

  @Test func `requests default to one`() throws {
    let rows = try imported(
      "{\"time\":1,\"requests\":5}\n{\"time\":1}\n{\"time\":1,\"requests\":null}", .jsonl
    ).rows
    #expect(rows.map { $0["requests"] } == [.integer(5), .integer(1), .integer(1)])
  }
}
