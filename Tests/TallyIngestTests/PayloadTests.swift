import TallyBase
import TallyIngest
import Testing

@Suite struct PayloadTests {
  private static func decode(
    _ text: String, _ format: InputFormat
  ) throws -> DecodedChunk {
    try PayloadDecoder(mapping: .standard).decode(
      Array(text.utf8), format: format, schema: .standard, receivedAtMicroseconds: 7)
  }

  @Test func `json lines and csv are decoded as files are, with lines and columns of rejects`()
    throws
  {
    let json = try Self.decode(
      """
      {"time":1700000000,"units":1}
      {"time":1700000000, "cost":"ü", "units":2}
      {"units":3}
      """, .jsonl)
    #expect(json.batch.rows.count == 1)
    #expect(json.rejections.map(\.line) == [2, 3])
    #expect(json.rejections.map(\.column) == [28, 1])
    #expect(json.rejections.map(\.field) == ["cost", "time"])

    let csv = try Self.decode("time,units,note\n1700000000,1,\"a\nb\"\n1700000000,é,x\n5", .csv)
    #expect(csv.batch.rows.count == 1)
    #expect(csv.rejections.map(\.line) == [4, 5])
    #expect(csv.rejections.map(\.column) == [12, 1])
    #expect(csv.rejections.map(\.kind) == [.value, .malformed])
    #expect(csv.lineCount == 5)
  }

  @Test func `columns of json rejects are those of the value or of what was not expected`() throws {
    for (line, column) in [
      (#"[{}]"#, 1), (#"  12"#, 3), (#"{"time":1 x}"#, 11), (#"{"time":1,}"#, 11),
      (#"{"time":1} x"#, 12), (#"{"time":1,"org" 1}"#, 11), (#"{"tags":{"a":[]}}"#, 14),
      (#"{"é":1,"units":-1}"#, 16), (#"{"time":1,"org":"a"#, 17),
    ] {
      let decoded = try Self.decode(line, .jsonl)
      #expect(decoded.rejections.map(\.column) == [column], "\(line)")
    }
  }

  @Test func `a payload that is no text of its kind is refused as a whole`() throws {
    for (text, format) in [
      ("", InputFormat.csv), ("a,a\n1,2\n", .csv), ("\"a", .csv), ("us\u{0}age a=1", .influx),
    ] {
      #expect(throws: TallyError.self, "\(text)") { try Self.decode(text, format) }
    }
  }

  @Test func `an empty payload has no rows`() throws {
    for format in [InputFormat.jsonl, .influx] {
      let decoded = try Self.decode("", format)
      #expect(decoded.batch.rowCount == 0 && decoded.lineCount == 0 && decoded.rejections == [])
    }
  }

  @Test func `one decoder takes payloads of all kinds and sizes, and new columns between them`()
    throws
  {
    let decoder = PayloadDecoder(mapping: .standard)
    var schema = Schema.standard
    for index in 0..<6 {
      let count = index == 3 ? 5_000 : 2
      let texts: [(InputFormat, String)] = [
        (.influx, String(repeating: "usage x\(index)=1 1700000000\n", count: count)),
        (.jsonl, String(repeating: "{\"time\":1,\"y\(index)\":1}\n", count: count)),
        (.csv, "time,z\(index)\n" + String(repeating: "1,true\n", count: count)),
      ]
      for (format, text) in texts {
        let decoded = try decoder.decode(
          Array(text.utf8), format: format, schema: schema, receivedAtMicroseconds: nil)
        #expect(decoded.batch.rowCount == count && decoded.rejections == [])
        #expect(decoded.newColumns.count == 1)
        for column in decoded.newColumns {
          _ = try schema.append(name: column.name, type: column.type)
        }
      }
    }
  }
}
