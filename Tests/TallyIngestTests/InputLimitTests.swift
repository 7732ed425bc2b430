import TallyBase
import TallyIngest
import Testing

/// Each limit of an input, one below it, at it and one above.
@Suite struct InputLimitTests {
  private static let time = "2026-01-05T00:00:00Z"

  private static func isTaken(
    _ text: String, _ format: InputFormat, _ limits: InputLimits
  ) throws -> Bool {
    // Another row follows, which is taken in any case; of csv, with as many fields.
    let fieldCount = text.prefix { $0 != "\n" }.utf8.count { $0 == UInt8(ascii: ",") }
    let row = time + String(repeating: ",", count: fieldCount)
    let bytes = Array((text + (format == .csv ? row : "{\"time\":\"\(time)\"}") + "\n").utf8)
    var counts: Set<Int> = []
    for chunkByteCount in [1 << 16, 4 << 20] {
      let result = try imported(
        bytes, format, chunkByteCount: chunkByteCount, limits: limits)
      counts.insert(result.rows.count)
      #expect(result.rows.count + result.rejections.count == 2)
    }
    #expect(counts.count == 1)
    return counts == [2]
  }

  private static func expect(
    limit: Int, _ format: InputFormat, limits: InputLimits = .standard, _ text: (Int) -> String,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    for (byteCount, isExpected) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
      let found = try isTaken(text(byteCount), format, limits)
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

  @Test(arguments: [300, 70_000, 3 << 20])
  func `bytes of a line, as set`(_ limit: Int) throws {
    let limits = try InputLimits(
      lineByteCountMax: limit, valueByteCountMax: InputLimits.byteCountMax)
    let start = "{\"time\":\"\(Self.time)\",\"metadata\":\""
    try Self.expect(limit: limit, .jsonl, limits: limits) { byteCount in
      start + String(repeating: "x", count: byteCount - start.utf8.count - 2) + "\"}\n"
    }
    try Self.expect(limit: limit, .csv, limits: limits) { byteCount in
      let value = String(repeating: "x", count: byteCount - Self.time.utf8.count - 3)
      return "time,metadata\n\(Self.time),\"\(value)\"\n"
    }
  }

  @Test(arguments: [10, 100_000])
  func `bytes of a value, as set`(_ limit: Int) throws {
    let limits = try InputLimits(valueByteCountMax: limit)
    try Self.expect(limit: limit, .jsonl, limits: limits) { byteCount in
      let value = String(repeating: "x", count: byteCount)
      return "{\"time\":\"\(Self.time)\",\"metadata\":\"\(value)\"}\n"
    }
    // Names never get longer than a dictionary keeps them.
    try Self.expect(
      limit: min(limit, InputLimits.symbolByteCountMax), .jsonl, limits: limits
    ) { byteCount in
      "{\"time\":\"\(Self.time)\",\"org\":\"\(String(repeating: "x", count: byteCount))\"}\n"
    }
  }

  @Test func `limits themselves have limits`() throws {
    let greatest = InputLimits.byteCountMax
    _ = try InputLimits(lineByteCountMax: 1, valueByteCountMax: 1)
    _ = try InputLimits(lineByteCountMax: greatest, valueByteCountMax: greatest)
    for wrong in [0, -1, greatest + 1] {
      #expect(throws: TallyError.self) { try InputLimits(lineByteCountMax: wrong) }
      #expect(throws: TallyError.self) { try InputLimits(valueByteCountMax: wrong) }
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
