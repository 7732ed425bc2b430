import TallyBase
import TallyIngest
import Testing

/// The dialect of docs/wire-protocol.md, section 7.
@Suite struct LineProtocolTests {
  private static func decode(
    _ text: String, time: TimeOptions = TimeOptions(), receivedAt: Int64? = nil,
    strict: Bool = false
  ) throws -> DecodedChunk {
    let decoder = PayloadDecoder(mapping: try FieldMapping(isStrict: strict, time: time))
    return try decoder.decode(
      Array(text.utf8), format: .influx, schema: .standard, receivedAtMicroseconds: receivedAt)
  }

  /// The only row of a line, without its time.
  private static func row(
    _ line: String, at location: SourceLocation = #_sourceLocation
  ) throws -> Row {
    let decoded = try decode(line + " 1700000000\n")
    #expect(decoded.rejections == [], "\(line)", sourceLocation: location)
    var row = try #require(decoded.batch.rows.first, sourceLocation: location)
    #expect(row.removeValue(forKey: "time") == .integer(1_700_000_000_000_000))
    return row
  }

  @Test func `a line of the usual kind`() throws {
    let decoded = try Self.decode(
      """
      usage,org=acme,model=gpt-5,user=u1 input_tokens=812i,output_tokens=90i,cost=0.0123,\
      latency_ms=831,success=true,metadata="{\\"a\\":1}" 1789000000123456789
      """)
    #expect(decoded.rejections == [])
    #expect(
      decoded.batch.rows == [
        [
          "org": .text("acme"), "model": .text("gpt-5"), "user": .text("u1"),
          "input_tokens": .integer(812), "output_tokens": .integer(90),
          "cost": .integer(12_300_000), "latency_ms": .integer(831_000), "success": .bool(true),
          "metadata": .text("{\"a\":1}"), "time": .integer(1_789_000_000_123_456),
        ]
      ])
  }

  // MARK: Escapes

  /// What is written, and what the tag `team` is then.
  @Test(arguments: [
    (#"a"#, #"a"#), (#"a\,b"#, "a,b"), (#"a\=b"#, "a=b"), (#"a\ b"#, "a b"), (#"\"#, #"\"#),
    (#"\\"#, #"\"#), (#"\\\"#, #"\\"#), (#"\\\\"#, #"\\"#), (#"\\\\\"#, #"\\\"#),
    (#"\\\\\\"#, #"\\\"#), (#"a\nb"#, #"a\nb"#), (#"a\"b"#, #"a\"b"#), (#""a""#, #""a""#),
    (#"'a'"#, "'a'"), (#"a\\\,b"#, #"a\,b"#), (#"é🙂\ ü"#, "é🙂 ü"), ("a\tb", "a\tb"), ("#", "#"),
    ("a\"b,project=p", "a\"b"), (#"12345678\,123456789\ 12345678"#, "12345678,123456789 12345678"),
  ])
  func `values of tags`(_ written: String, _ value: String) throws {
    // A backslash before the space would escape it, so another tag follows.
    let separator = written.hasSuffix("\\") ? "x" : ""
    let row = try Self.row("usage,team=\(written)\(separator),plan=p requests=1i")
    #expect(row["team"] == .text(value + separator), "\(written)")
  }

  @Test(arguments: [
    (#""""#, ""), (#""a""#, "a"), (#""a b,c=d""#, "a b,c=d"), (#""a\"b""#, #"a"b"#),
    (#""\\""#, #"\"#), (#""\\\\""#, #"\\"#), (#""\\\"""#, #"\""#),
    (#""a\nb\,\=\ ""#, #"a\nb\,\=\ "#),
    (#""a\b""#, #"a\b"#), ("\"é🙂\t'\"", "é🙂\t'"), ("\"# x\"", "# x"),
    (#""1234567\"1234567\\1234567\"""#, #"1234567"1234567\1234567""#),
  ])
  func `strings in quotes`(_ written: String, _ value: String) throws {
    #expect(
      try Self.row("usage session=\(written),team=\(written),requests=1i")
        == ["session": .text(value), "team": .text(value), "requests": .integer(1)])
  }

  @Test(arguments: [
    (#"a\,b"#, "a,b"), (#"a\=b"#, "a=b"), (#"a\ b"#, "a b"), ("a'b", "a'b"), ("é", "é"),
    ("ab_c-1.2", "ab_c-1.2"),
  ])
  func `keys of tags and fields`(_ written: String, _ name: String) throws {
    #expect(
      try Self.row("usage,\(written)=v requests=1i")
        == [name: .text("v"), "requests": .integer(1)])
    #expect(try Self.row("usage \(written)=7i") == [name: .integer(7)])
    // Twice, so that the key is also found by comparing with the line before.
    let twice = try Self.decode("usage \(written)=7i 1700000000\nusage \(written)=8i 1700000000\n")
    #expect(twice.batch.rows.map { $0[name] } == [.integer(7), .integer(8)])
  }

  @Test func `the measurement is compared with its escapes resolved`() throws {
    let mapping = FieldMapping.standard
    let decoder = PayloadDecoder(mapping: mapping, measurement: #"a b,c\d"#)
    let text =
      #"a\ b\,c\\d requests=1i 1700000000"# + "\n" + #"a\ b\,c\d,org=x requests=1i 1700000000"#
    let decoded = try decoder.decode(
      Array(text.utf8), format: .influx, schema: .standard, receivedAtMicroseconds: nil)
    #expect(decoded.batch.rowCount == 2 && decoded.rejections == [])
  }

  // MARK: Types

  private static let intMax = Cell.integer(.max)
  private static let intMin = Cell.integer(.min)

  /// A field, and the cell of its column.
  static let values: [(String, Cell)] = [
    ("price_id=9223372036854775807i", .integer(.max)),
    ("price_id=-9223372036854775808i", .integer(.min)),
    ("price_id=9223372036854775807u", .integer(.max)),
    ("price_id=0u", .integer(0)), ("price_id=-0i", .integer(0)), ("price_id=+5i", .integer(5)),
    ("price_id=007i", .integer(7)), ("price_id=12", .integer(12)), ("price_id=12.0", .integer(12)),
    ("price_id=1.2e1", .integer(12)), ("price_id=120E-1", .integer(12)),
    ("price_id=\"12\"", .integer(12)),
    ("price_id=1234567890123456i", .integer(1_234_567_890_123_456)),
    ("cost=1", .integer(1_000_000_000)), ("cost=1i", .integer(1_000_000_000)),
    ("cost=2u", .integer(2_000_000_000)), ("cost=-.5", .integer(-500_000_000)),
    ("cost=5.", .integer(5_000_000_000)), ("cost=1.25e-3", .integer(1_250_000)),
    ("cost=0.0000000005", .integer(0)), ("cost=0.0000000015", .integer(2)),
    ("cost=\"1.5\"", .integer(1_500_000_000)),
    ("cost=999999999.999999999", .integer(999_999_999_999_999_999)),
    ("weight=1", .double(1)), ("weight=1e308", .double(1e308)),
    ("weight=-1.2e+78", .double(-1.2e78)),
    ("weight=-0.0", .double(-0.0)), ("weight=5e-324", .double(.leastNonzeroMagnitude)),
    ("bytes=5i", .integer(5)), ("bytes=5u", .integer(5)), ("label=\"x\"", .text("x")),
    ("flag=t", .bool(true)), ("flag=T", .bool(true)), ("flag=true", .bool(true)),
    ("flag=True", .bool(true)), ("flag=TRUE", .bool(true)), ("flag=f", .bool(false)),
    ("flag=F", .bool(false)), ("flag=false", .bool(false)), ("flag=False", .bool(false)),
    ("flag=FALSE", .bool(false)),
    ("success=1i", .bool(true)), ("success=0", .bool(false)), ("success=\"TRUE\"", .bool(true)),
    ("user=42i", .text("42")), ("user=4.20", .text("4.20")), ("session=7u", .text("7")),
    ("session=\"\"", .text("")), ("ttft_s=0.5", .integer(500_000)),
  ]

  @Test(arguments: values.indices)
  func `values of fields`(_ index: Int) throws {
    let (field, cell) = Self.values[index]
    let row = try Self.row("usage \(field)")
    #expect(Array(row.values) == [cell], "\(field)")
    // With the column known from the line before, and with others around it.
    let line = "usage,org=a \(field),requests=3i 1700000000\n"
    let twice = try Self.decode(line + line)
    #expect(twice.rejections == [] && twice.batch.rows.count == 2)
    #expect(twice.batch.rows.allSatisfy { $0.values.contains(cell) && $0.count == 4 }, "\(field)")
  }

  @Test(arguments: [
    ("http_status=200", Cell.integer(200)), ("cost=0.5", .integer(500_000_000)),
    ("success=TRUE", .bool(true)), ("success=0", .bool(false)), ("session=s\\ 1", .text("s 1")),
    ("extra=5i", .text("5i")), ("extra=true", .text("true")), ("prompt_tokens=3", .integer(3)),
  ])
  func `tags of columns of other types are read as their text`(_ tag: String, _ cell: Cell) throws {
    let row = try Self.row("usage,\(tag) units=1i")
    #expect(row.count == 2 && row.values.contains(cell))
  }

  @Test func `a column keeps its first type`() throws {
    let decoded = try Self.decode(
      """
      usage a=1,b=1i,c=t,d="x" 1700000000
      usage a=1.5,b=2,c=f,d="y" 1700000000
      usage b=1.5 1700000000
      usage c=1 1700000000
      usage d=1i 1700000000
      usage,a=2 b=3i 1700000000
      """)
    #expect(decoded.batch.rows.count == 4)
    #expect(
      decoded.newColumns.map(\.type) == [.double, .int64, .bool, .symbol])
    #expect(decoded.rejections.map(\.line) == [3, 5])
  }

  // MARK: Timestamps

  @Test(
    arguments: [
      (nil, "0", 0), (nil, "99999999999", 99_999_999_999_000_000 as Int64),
      (nil, "1700000000", 1_700_000_000_000_000), (nil, "1700000000123", 1_700_000_000_123_000),
      (nil, "1700000000123456", 1_700_000_000_123_456),
      (nil, "1700000000123456789", 1_700_000_000_123_456),
      (nil, "+1700000000", 1_700_000_000_000_000),
      (nil, "9214646399999999999", 9_214_646_399_999_999),
      (TimeUnit.nanoseconds, "1999", 1), (.nanoseconds, "1700000000", 1_700_000),
      (.microseconds, "1700000000", 1_700_000_000),
      (.milliseconds, "1700000000", 1_700_000_000_000),
      (.seconds, "1700000000", 1_700_000_000_000_000), (.seconds, "007", 7_000_000),
      (.seconds, "0000000000000000000000000000007", 7_000_000),
    ] as [(TimeUnit?, String, Int64)])
  func timestamps(_ unit: TimeUnit?, _ text: String, _ microseconds: Int64) throws {
    // The years end in 2261.
    let isInRange = microseconds < 9_214_646_400_000_000
    let decoded = try Self.decode("usage a=1 \(text)", time: TimeOptions(unit: unit))
    #expect(decoded.batch.rows.first?["time"] == (isInRange ? .integer(microseconds) : nil))
    #expect(decoded.rejections.isEmpty == isInRange)
  }

  @Test func `a line without a timestamp has the time of its batch`() throws {
    let text = "usage a=1\nusage a=2 \nusage a=3 1700000000\nusage a=4,ts_ms=1700000000001i\n"
    let decoded = try Self.decode(text, receivedAt: 5)
    #expect(
      decoded.batch.rows.map { $0["time"] } == [
        .integer(5), .integer(5), .integer(1_700_000_000_000_000),
        .integer(1_700_000_000_001_000),
      ])
    #expect(try Self.decode(text).rejections.map(\.line) == [1, 2])
  }

  @Test func `a time that all rows have leaves the timestamps out`() throws {
    let mapping = try FieldMapping(constants: [(column: "time", value: "1700000000")])
    let decoded = try PayloadDecoder(mapping: mapping).decode(
      Array("usage a=1 5\nusage a=2\n".utf8), format: .influx, schema: .standard,
      receivedAtMicroseconds: nil)
    #expect(
      decoded.batch.rows.map { $0["time"] } == [
        .integer(1_700_000_000_000_000), .integer(1_700_000_000_000_000),
      ])
  }

  // MARK: Lines

  @Test func `blank lines and comments are skipped and counted, spaces and returns dropped`() throws
  {
    let decoded = try Self.decode(
      "\n  \n# usage a=1 1\n  # x\r\n  usage  a=1   1700000000  \r\nusage a=x 1\n"
        + "usage,org=a a=2 1700000000")
    #expect(decoded.batch.rows.map { $0["a"] } == [.double(1), .double(2)])
    #expect(decoded.rejections.map(\.line) == [6])
    #expect(decoded.lineCount == 7)
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    var line: String
    var column: Int
    var field = ""
    var kind = Rejection.Kind.malformed
    var reason: String
    var testDescription: String { line }
  }

  static let bad: [Bad] = [
    Bad(line: "cpu a=1 1", column: 1, reason: "found measurement 'cpu', expected 'usage'"),
    Bad(line: ",org=a a=1 1", column: 1, reason: "a measurement was expected"),
    Bad(line: "usage", column: 6, reason: "no field"),
    Bad(line: "usage,org=a", column: 12, reason: "no field"),
    Bad(line: "usage,org=a ", column: 13, reason: "no field"),
    Bad(line: "usage, org=a a=1 1", column: 7, reason: "key of a tag"),
    Bad(line: "usage,org=a, a=1 1", column: 13, reason: "key of a tag"),
    Bad(line: "usage,=a a=1 1", column: 7, reason: "key of a tag"),
    Bad(line: "usage,org a=1 1", column: 10, reason: "'=' was expected after the key 'org'"),
    Bad(line: "usage,org= a=1 1", column: 11, field: "org", reason: "no value"),
    Bad(line: "usage,org=,team=x a=1 1", column: 11, field: "org", reason: "no value"),
    Bad(line: "usage,org=a=b a=1 1", column: 12, field: "org", reason: "expected '\\='"),
    Bad(line: "usage,org=a\\ a=1 1", column: 15, field: "org", reason: "expected '\\='"),
    Bad(line: "usage 1", column: 8, reason: "'=' was expected"),
    Bad(line: "usage =1 1", column: 7, reason: "key of a field"),
    Bad(line: "usage a=1, b=2 1", column: 11, reason: "key of a field"),
    Bad(line: "usage a=1,", column: 11, reason: "key of a field"),
    Bad(line: "usage units= 1", column: 13, field: "units", reason: "no value"),
    Bad(line: "usage a= 1", column: 9, field: "a", reason: "no value"),
    Bad(line: "usage units=,a=1 1", column: 13, field: "units", reason: "no value"),
    Bad(line: "usage é=\"ü", column: 9, field: "é", reason: "no closing quote"),
    Bad(line: "usage session=\"a\\\" 1", column: 15, field: "session", reason: "no closing quote"),
    Bad(line: "usage session=\"a\"b 1", column: 18, field: "session", reason: "closing quote"),
    Bad(line: "usage a=1 b=2", column: 11, field: "time", reason: "not a timestamp"),
    Bad(line: "usage a=1 1.5", column: 11, field: "time", reason: "not a timestamp"),
    Bad(line: "usage a=1 1 2", column: 13, reason: "after the timestamp"),
    Bad(
      line: "usage cost=abc 1", column: 12, field: "cost", kind: .value,
      reason: "'abc' is not a number, a string in quotes or true or false"),
    Bad(line: "usage a='x' 1", column: 9, field: "a", kind: .value, reason: "not a number"),
    Bad(line: "usage a=tRUE 1", column: 9, field: "a", kind: .value, reason: "not a number"),
    Bad(line: "usage a=0x10 1", column: 9, field: "a", kind: .value, reason: "not a number"),
    Bad(line: "usage a=1.5i 1", column: 9, field: "a", kind: .value, reason: "not a number"),
    Bad(
      line: "usage units=1.0i 1", column: 13, field: "units", kind: .value, reason: "not a number"),
    Bad(line: "usage cost=1.5u 1", column: 12, field: "cost", kind: .value, reason: "not a number"),
    Bad(line: "usage a=-1u 1", column: 9, field: "a", kind: .value, reason: "not a number"),
    Bad(
      line: "usage units=-1u 1", column: 13, field: "units", kind: .value, reason: "not a number"),
    Bad(line: "usage a=i 1", column: 9, field: "a", kind: .value, reason: "not a number"),
    Bad(line: "usage a=1ii 1", column: 9, field: "a", kind: .value, reason: "not a number"),
    Bad(line: "usage a=NaN 1", column: 9, field: "a", kind: .value, reason: "not a finite number"),
    Bad(line: "usage a=-inf 1", column: 9, field: "a", kind: .value, reason: "not a finite number"),
    Bad(line: "usage a=1e309 1", column: 9, field: "a", kind: .value, reason: "range of a double"),
    Bad(
      line: "usage a=9223372036854775808i 1", column: 9, field: "a", kind: .value,
      reason: "range of a 64-bit integer"),
    Bad(
      line: "usage a=-9223372036854775809i 1", column: 9, field: "a", kind: .value,
      reason: "range of a 64-bit integer"),
    Bad(
      line: "usage a=18446744073709551615u 1", column: 9, field: "a", kind: .value,
      reason: "range of a 64-bit integer"),
    Bad(
      line: "usage a=18446744073709551616u 1", column: 9, field: "a", kind: .value,
      reason: "range of an unsigned 64-bit integer"),
    Bad(
      line: "usage units=9223372036854775808 1", column: 13, field: "units", kind: .value,
      reason: "64-bit integer"),
    Bad(line: "usage units=1.5 1", column: 13, field: "units", kind: .value, reason: "fraction"),
    Bad(line: "usage units=-1i 1", column: 13, field: "units", kind: .value, reason: "negative"),
    Bad(line: "usage units=t 1", column: 13, field: "units", kind: .value, reason: "an integer"),
    Bad(line: "usage org=t 1", column: 11, field: "org", kind: .value, reason: "a string"),
    Bad(
      line: "usage success=2i 1", column: 15, field: "success", kind: .value,
      reason: "true or false"),
    Bad(
      line: "usage cost=1000000000 1", column: 12, field: "cost", kind: .value,
      reason: "18 digits"),
    Bad(line: "usage,org=a org=\"b\" 1", column: 17, field: "org", kind: .value, reason: "twice"),
    Bad(
      line: "usage,model=a,modelName=b a=1 1", column: 25, field: "modelName", kind: .value,
      reason: "twice"),
    Bad(line: "usage ts=5i 1", column: 13, field: "time", kind: .value, reason: "twice"),
    Bad(line: "usage a=1 -1", column: 11, field: "time", kind: .value, reason: "1970 to 2261"),
    Bad(
      line: "usage a=1 99999999999999999999", column: 11, field: "time", kind: .value,
      reason: "out of range"),
    Bad(
      line: "usage a\\\\b=1 1", column: 7, field: "a\\b", kind: .value, reason: "name cannot be"),
  ]

  @Test(arguments: bad)
  func `a bad line is rejected with its place and reason, its neighbours are kept`(
    _ bad: Bad
  ) throws {
    let good = "usage,org=good requests=1i 1700000000"
    let decoded = try Self.decode("\(good)\n\(bad.line)\n\(good)\n")
    #expect(decoded.batch.rows.count == 2)
    #expect(decoded.batch.rows.allSatisfy { $0["org"] == .text("good") && $0.count == 3 })
    let rejection = try #require(decoded.rejections.first)
    #expect(decoded.rejections.count == 1 && rejection.line == 2)
    #expect(rejection.column == bad.column, "\(rejection)")
    #expect(rejection.field == bad.field && rejection.kind == bad.kind, "\(rejection)")
    #expect(rejection.reason.contains(bad.reason), "\(rejection)")
    #expect(rejection.original == Array(bad.line.utf8))
  }

  @Test func `strict mode adds no columns`() throws {
    let decoded = try Self.decode("usage units=1i,a=1 1\nusage units=1i 1\n", strict: true)
    #expect(decoded.batch.rowCount == 1 && decoded.newColumns == [])
    let rejection = try #require(decoded.rejections.first)
    #expect(rejection.kind == .unknownField && rejection.field == "a" && rejection.column == 16)
  }

  @Test func `bytes that are not UTF-8 reject their line alone`() throws {
    let text = Array("usage,org=".utf8) + [0xFF] + Array(" a=1 1\nusage,org=é a=1 1\n".utf8)
    let decoded = try PayloadDecoder(mapping: .standard).decode(
      text, format: .influx, schema: .standard, receivedAtMicroseconds: nil)
    #expect(decoded.batch.rows.map { $0["org"] } == [.text("é")])
    #expect(decoded.rejections.map(\.kind) == [.malformed])
  }

  // MARK: Limits

  @Test func `texts and names have limits`() throws {
    func text(_ byteCount: Int) -> String { String(repeating: "x", count: byteCount) }
    let limit = InputLimits.symbolByteCountMax
    for (line, isTaken) in [
      ("usage,org=\(text(limit)) a=1 1", true), ("usage,org=\(text(limit + 1)) a=1 1", false),
      ("usage session=\"\(text(limit))\" 1", true),
      ("usage session=\"\(text(limit + 1))\" 1", false),
      ("usage team=\"\(text(limit + 1))\" 1", false),
      ("usage \(text(128))=1 1", true), ("usage \(text(129))=1 1", false),
    ] {
      #expect(try Self.decode(line).batch.rowCount == (isTaken ? 1 : 0))
    }
    #expect(
      try Self.decode("usage,org=\(text(limit + 1)) a=1 1").rejections.map(\.kind) == [.limit])
  }

  @Test func `lines have a limit`() throws {
    let limits = try InputLimits(lineByteCountMax: 40)
    for (byteCount, isTaken) in [(39, true), (40, true), (41, false)] {
      let line = "usage session=\"" + String(repeating: "x", count: byteCount - 18) + "\" 1"
      #expect(line.utf8.count == byteCount)
      let imported = try imported(Array((line + "\n").utf8), .influx, limits: limits)
      #expect(imported.rows.count == (isTaken ? 1 : 0))
      #expect(imported.rejections.map(\.kind) == (isTaken ? [] : [.limit]))
    }
  }
}
