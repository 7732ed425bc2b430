import TallyBase
import TallyIngest
import Testing

@Suite struct TimeTests {
  /// 2026-01-05T10:00:00Z
  private static let base: Int64 = 1_767_607_200_000_000

  static let forms: [Form] = [
    Form(text: #""2026-01-05T10:00:00Z""#, expected: base),
    Form(text: #""2026-01-05T10:00:00.5Z""#, expected: base + 500_000),
    Form(text: #""2026-01-05T10:00:00.123Z""#, expected: base + 123_000),
    Form(text: #""2026-01-05T10:00:00.123456Z""#, expected: base + 123_456),
    Form(text: #""2026-01-05T10:00:00.1234567Z""#, expected: base + 123_456),
    Form(text: #""2026-01-05T10:00:00.123456789Z""#, expected: base + 123_456),
    Form(text: #""2026-01-05 10:00:00.1234567""#, expected: base + 123_456),
    Form(text: #""2026-01-05T10:00:00""#, expected: base),
    Form(text: #""2026-01-05T12:00:00+02:00""#, expected: base),
    Form(text: #""2026-01-05T10:00:00\u005a""#, expected: base),
    Form(text: #""2026-01-05""#, expected: base - 36_000_000_000),
    Form(text: "1767607200", expected: base),
    Form(text: "1767607200.25", expected: base + 250_000),
    Form(text: "1.7676072e9", expected: base),
    Form(text: "1767607200123", expected: base + 123_000),
    Form(text: "1767607200123456", expected: base + 123_456),
    Form(text: "1767607200123456789", expected: base + 123_456),
    Form(text: #""1767607200""#, expected: base),
    Form(text: #""1767607200123""#, expected: base + 123_000),
    Form(text: "0", expected: 0),
    Form(text: #""2261-12-31T23:59:59.999999Z""#, expected: 9_214_646_399_999_999),
  ]

  struct Form: Sendable {
    var text: String
    var expected: Int64
  }

  @Test(arguments: forms)
  func `every form of time is read`(_ form: Form) throws {
    let result = try imported("{\"time\":\(form.text)}", .jsonl)
    #expect(result.rows.first?["time"] == .integer(form.expected), "\(result.rejections)")
  }

  @Test(
    arguments: [
      ("ts_ms", nil, 5, 5_000), ("timestamp_s", nil, 5, 5_000_000), ("ts_us", nil, 5, 5),
      ("time", TimeUnit.milliseconds, 1_767_607_200, 1_767_607_200_000),
      ("ts_ms", TimeUnit.seconds, 5, 5_000_000), ("time", TimeUnit.nanoseconds, 5_999, 5),
    ] as [(String, TimeUnit?, Int64, Int64)])
  func `units come from the option, else from the name`(
    _ field: String, _ unit: TimeUnit?, _ value: Int64, _ expected: Int64
  ) throws {
    let mapping = try FieldMapping(time: TimeOptions(unit: unit))
    let result = try imported("{\"\(field)\":\(value)}", .jsonl, mapping: mapping)
    #expect(result.rows.first?["time"] == .integer(expected), "\(result.rejections)")
  }

  @Test func `offsets count from the origin`() throws {
    let origin = TimeOptions(originMicroseconds: TimeTests.base)
    let mapping = try FieldMapping(time: origin)
    let lines = "{\"time\":5}\n{\"ts_s\":5}\n{\"time\":\"7\"}\n{\"time\":\"2026-01-05T10:00:00Z\"}"
    let rows = try imported(lines, .jsonl, mapping: mapping).rows
    let expected: [Cell?] = [5_000, 5_000_000, 7_000, 0].map { .integer(TimeTests.base + $0) }
    #expect(rows.map { $0["time"] } == expected)
  }

  @Test func `canonical times agree with the general parser`() throws {
    var random = SeededRandom(seed: 5)
    for _ in 0..<500 {
      let micros = Int64.random(in: 0..<9_214_646_400_000_000, using: &random)
      let cut = [1, 1_000, 1_000_000].randomElement(using: &random) ?? 1
      let value = micros / Int64(cut) * Int64(cut)
      let text = TimestampText.format(value)
      let result = try imported("{\"time\":\"\(text)\"}", .jsonl)
      #expect(result.rows.first?["time"] == .integer(value), "\(text)")
    }
  }
}
