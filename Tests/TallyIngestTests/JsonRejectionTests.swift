import TallyBase
import TallyIngest
import Testing

@Suite struct JsonRejectionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var line: String
    var field: String
    var reason: String
    var testDescription: String { line }
  }

  private static let time = #""time":"2026-01-05T00:00:00Z""#

  static let cases: [Case] = [
    Case(line: #"{"org":"a"}"#, field: "time", reason: "no time"),
    Case(line: #"{"time":null}"#, field: "time", reason: "no time"),
    Case(line: #"{"time":"yesterday"}"#, field: "time", reason: "is not a time"),
    Case(line: #"{"time":"0001-01-01T00:00:00Z"}"#, field: "time", reason: "1970 to 2261"),
    Case(line: #"{"time":"9999-12-31T23:59:59Z"}"#, field: "time", reason: "1970 to 2261"),
    Case(line: #"{"time":"2262-01-01T00:00:00Z"}"#, field: "time", reason: "1970 to 2261"),
    Case(line: #"{"time":"2026-02-29T00:00:00Z"}"#, field: "time", reason: "is not a time"),
    Case(line: #"{"time":"2026-01-05T24:00:00Z"}"#, field: "time", reason: "is not a time"),
    Case(line: #"{"time":-5}"#, field: "time", reason: "1970 to 2261"),
    Case(line: #"{"time":1e300}"#, field: "time", reason: "out of range"),
    Case(line: #"{"time":true}"#, field: "time", reason: "is not a time"),
    Case(line: "{\(time),\"requests\":-1}", field: "requests", reason: "negative"),
    Case(line: "{\(time),\"input_tokens\":-0.5}", field: "input_tokens", reason: "fraction"),
    Case(
      line: "{\(time),\"input_tokens\":9223372036854775808}", field: "input_tokens",
      reason: "64-bit"),
    Case(line: "{\(time),\"input_tokens\":1.5}", field: "input_tokens", reason: "fraction"),
    Case(line: "{\(time),\"input_tokens\":\"many\"}", field: "input_tokens", reason: "number"),
    Case(line: "{\(time),\"input_tokens\":true}", field: "input_tokens", reason: "an integer"),
    Case(line: "{\(time),\"input_tokens\":01}", field: "input_tokens", reason: "not a value"),
    Case(line: "{\(time),\"cost\":NaN}", field: "cost", reason: "finite"),
    Case(line: "{\(time),\"cost\":-Infinity}", field: "cost", reason: "finite"),
    Case(line: "{\(time),\"cost\":1000000000}", field: "cost", reason: "18 digits"),
    Case(line: "{\(time),\"cost\":1e400}", field: "cost", reason: "18 digits"),
    Case(line: "{\(time),\"weight\":0.5e999}", field: "weight", reason: "double"),
    Case(line: "{\(time),\"success\":\"maybe\"}", field: "success", reason: "true or false"),
    Case(line: "{\(time),\"success\":2}", field: "success", reason: "true or false"),
    Case(line: "{\(time),\"org\":true}", field: "org", reason: "not a string"),
    Case(line: "{\(time),\"org\":{}}", field: "org", reason: "nested"),
    Case(line: "{\(time),\"extra\":[1]}", field: "extra", reason: "nested"),
    Case(line: "{\(time),\"tags\":5}", field: "tags", reason: "not an object"),
    Case(line: "{\(time),\"tags\":{\"a\":[]}}", field: "a", reason: "nested"),
    Case(line: "{\(time),\"org\":\"a\",\"org\":\"b\"}", field: "org", reason: "twice"),
    Case(
      line: "{\(time),\"model\":\"a\",\"modelName\":\"b\"}", field: "modelName", reason: "twice"),
    Case(line: "{\(time),\"org\":\"a\\x\"}", field: "org", reason: "escape"),
    Case(line: "{\(time),\"org\":\"\\ud800\"}", field: "org", reason: "surrogate"),
    Case(line: "{\(time),\"org\":\"\\u12g4\"}", field: "org", reason: "hex"),
    Case(line: "{\(time),\"org\":\"a", field: "org", reason: "closing quote"),
    Case(line: "{\(time),\"org\":\"a\\", field: "org", reason: "closing quote"),
    Case(line: "{\(time),\"org\":\"a\tb\"}", field: "org", reason: "control character 9"),
    Case(line: "{\(time),\"\":1}", field: "", reason: "name cannot be"),
    Case(line: "{\(time)", field: "", reason: "',' or '}'"),
    Case(line: "{\(time),}", field: "", reason: "field name"),
    Case(line: "{\(time)} x", field: "", reason: "after the object"),
    Case(line: "{\(time),\"org\" \"a\"}", field: "org", reason: "':'"),
    Case(line: "{\(time),\"org\":}", field: "org", reason: "value was expected"),
    Case(line: "{\(time),\"org\":nul}", field: "org", reason: "not a value"),
    Case(line: "[{}]", field: "", reason: "array"),
    Case(line: "12", field: "", reason: "object was expected"),
    Case(
      line: "{\(time),\"metadata\":\(String(repeating: "[", count: 65))", field: "metadata",
      reason: "64 levels"),
    Case(line: "{\(time),\"metadata\":{\"a\":1,}}", field: "metadata", reason: "member name"),
  ]

  @Test(arguments: cases)
  func `a bad line is rejected with field and reason, its neighbours are kept`(
    _ bad: Case
  ) throws {
    let good = "{\(JsonRejectionTests.time),\"org\":\"good\"}"
    let result = try imported("\(good)\n\(bad.line)\n\(good)\n", .jsonl)
    #expect(result.rows.count == 2)
    #expect(result.rows.allSatisfy { $0["org"] == .text("good") && $0.count == 2 })
    let rejection = try #require(result.rejections.first)
    #expect(result.rejections.count == 1)
    #expect(rejection.line == 2)
    #expect(rejection.field == bad.field, "\(rejection.reason)")
    #expect(rejection.reason.contains(bad.reason), "\(rejection.reason)")
    #expect(rejection.original == Array(bad.line.utf8))
  }

  @Test func `invalid UTF-8 is rejected`() throws {
    for bad: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] {
      let line =
        Array("{\(JsonRejectionTests.time),\"org\":\"a".utf8) + bad + Array("\"}\n".utf8)
      let result = try imported(line, .jsonl)
      #expect(result.rows.isEmpty)
      #expect(result.rejections.first?.reason.contains("UTF-8") == true)
    }
  }

  @Test func `values have a length limit`() throws {
    let limit = 64 << 10
    for (count, isTaken) in [(limit, true), (limit + 1, false)] {
      let long = String(repeating: "x", count: count)
      for field in ["org", "event_id"] {
        let result = try imported(
          "{\(JsonRejectionTests.time),\"\(field)\":\"\(long)\"}\n", .jsonl)
        #expect(result.rows.count == (isTaken ? 1 : 0))
      }
    }
  }

  @Test(arguments: [1 << 20, 3 << 20, 9 << 20])
  func `a line over the limit is rejected, the next one is taken`(byteCount: Int) throws {
    let good = "{\(JsonRejectionTests.time)}\n"
    let bytes =
      Array(good.utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: byteCount + 1)
      + Array("\n\(good)oops\n".utf8)
    for chunkByteCount in [1 << 16, 4 << 20] {
      let result = try imported(bytes, .jsonl, chunkByteCount: chunkByteCount)
      #expect(result.rows.count == 2)
      #expect(result.rejections.map(\.line) == [2, 4])
      #expect(result.rejections[0].reason.contains("limit"))
      #expect(result.rejections[0].original.count <= Rejection.originalByteCountMax)
    }
  }

  @Test func `strict mode refuses unknown fields`() throws {
    let mapping = try FieldMapping(isStrict: true)
    let result = try imported(
      "{\(JsonRejectionTests.time),\"color\":\"red\"}\n", .jsonl, mapping: mapping)
    #expect(result.rejections.first?.field == "color")
    #expect(result.rejections.first?.reason.contains("strict") == true)
  }

  @Test func `a rejected row leaves neither column nor dictionary entry`() throws {
    let decoder = try JsonLinesDecoder(mapping: .standard, schema: .standard)
    let text = """
      {\(JsonRejectionTests.time),"org":"lost","note":"n","requests":-1}
      {\(JsonRejectionTests.time),"org":"kept","note":true}

      """
    let chunk = decoder.decode(TextChunk(Array(text.utf8)), schema: .standard)
    #expect(chunk.newColumns == [NewColumn(name: "note", type: .bool)])
    guard case .symbol(_, let table) = chunk.batch.column(named: "org")?.values else {
      Issue.record("org is not a symbol column")
      return
    }
    #expect(table.count == 1)
    #expect(table.string(1) == "kept")
  }

  @Test func `the 257th column rejects its row only`() throws {
    let names = (0..<300).map { "c\($0)" }
    let text = names.map { "{\(JsonRejectionTests.time),\"\($0)\":1}\n" }.joined()
    let room = Schema.columnCountMax - Schema.standard.columns.count
    for chunkByteCount in [64, 1_000, 4 << 20] {
      let result = try imported(
        Array(text.utf8), .jsonl, chunkByteCount: chunkByteCount, threadCount: 2)
      #expect(result.rows.count == room)
      #expect(result.rejections.count == names.count - room)
      #expect(result.rejections.first?.reason.contains("256") == true)
    }
  }
}
