import TallyBase
import TallyIngest
import Testing

/// Each limit of an input, one below it, at it and one above.
@Suite struct InputLimitTests {
  private static let time = "2026-01-05T00:00:00Z"

  private static func isTaken(_ text: String, _ format: InputFormat) throws -> Bool {
    // Another row follows, which is taken in any case; of csv, with as many fields.
    let fieldCount = text.prefix { $0 != "\n" }.utf8.count { $0 == UInt8(ascii: ",") }
    let row = time + String(repeating: ",", count: fieldCount)
    let bytes = Array((text + (format == .csv ? row : "{\"time\":\"\(time)\"}") + "\n").utf8)
    var counts: Set<Int> = []
    for chunkByteCount in [1 << 16, 4 << 20] {
      let result = try imported(bytes, format, chunkByteCount: chunkByteCount)
      counts.insert(result.rows.count)
      #expect(result.rows.count + result.rejections.count == 2)
    }
    #expect(counts.count == 1)
    return counts == [2]
  }

  private static func expect(
    limit: Int, _ format: InputFormat, _ text: (Int) -> String,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    for (byteCount, isExpected) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
      let found = try isTaken(text(byteCount), format)
      #expect(found == isExpected, "\(byteCount) bytes", sourceLocation: location)
    }
  }

  @Test func `bytes of a line of json`() throws {
    let start = "{\"time\":\"\(Self.time)\""
    try Self.expect(limit: InputLimits.lineByteCountMax, .jsonl) { byteCount in
      start + String(repeating: " ", count: byteCount - start.utf8.count - 1) + "}\n"
    }
  }

  @Test func `bytes of a record of csv`() throws {
    let columnCount = 40
    let names = (0..<columnCount).map { "c\($0)" }.joined(separator: ",")
    try Self.expect(limit: InputLimits.lineByteCountMax, .csv) { byteCount in
      let room = byteCount - Self.time.utf8.count - columnCount
      let first = room / columnCount
      let fields = (0..<columnCount).map { index in
        String(repeating: "x", count: index == 0 ? room - first * (columnCount - 1) : first)
      }
      return "time,\(names)\n\(Self.time),\(fields.joined(separator: ","))\n"
    }
  }

  @Test(arguments: ["org", "event_id", "metadata", "something_new"])
  func `bytes of a value`(_ field: String) throws {
    try Self.expect(limit: InputLimits.textByteCountMax, .jsonl) { byteCount in
      let value = String(repeating: "x", count: byteCount)
      return "{\"time\":\"\(Self.time)\",\"\(field)\":\"\(value)\"}\n"
    }
    try Self.expect(limit: InputLimits.textByteCountMax, .csv) { byteCount in
      "time,\(field)\n\(Self.time),\(String(repeating: "x", count: byteCount))\n"
    }
  }

  @Test func `bytes of a column's name`() throws {
    for (byteCount, isExpected) in [
      (FieldMapping.nameByteCountMax - 1, true), (FieldMapping.nameByteCountMax, true),
      (FieldMapping.nameByteCountMax + 1, false),
    ] {
      let name = String(repeating: "n", count: byteCount)
      let mapping = Result { try FieldMapping(renames: [("field", name)]) }
      #expect(((try? mapping.get()) != nil) == isExpected, "\(byteCount) bytes")
    }
  }
}
