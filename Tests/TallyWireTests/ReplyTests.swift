import TallyBase
import TallyWire
import Testing

@Suite struct ReplyTests {
  static let cases: [(String, Reply)] = [
    ("+PING\n", .done(.ping)),
    ("+PING :\n", .done(.ping, message: "")),
    ("+#p PING : {5} x=\"\n", .done(.ping, tag: "p", message: " {5} x=\"")),
    ("+USE org=\"a b\"\n", .done(.use, fields: [WireField("org", "a b")])),
    (
      "-#q E_BIND line=1 hint=\"did you mean \\\"cost\\\"?\" retry=no :unknown column \"cst\"\n",
      Reply(
        tag: "q",
        .failure(
          WireError(
            .bind, "unknown column \"cst\"", fields: [WireField("line", "1")],
            hint: "did you mean \"cost\"?")))
    ),
    (
      "-E_BUSY after_ms=250 retry=yes :wait {3}\n",
      Reply(.failure(WireError(.busy, "wait {3}", fields: [WireField("after_ms", "250")])))
    ),
    ("=cols=[]\n", Reply(.header([]))),
    (
      #"=#q push=2 format=csv cols=[["a \"b\" cols=","decimal(38,9)"],["\n","symbol"]]"# + "\n",
      Reply(
        tag: "q",
        .header([
          WireColumn(name: "a \"b\" cols=", type: "decimal(38,9)"),
          WireColumn(name: "\n", type: "symbol"),
        ]), fields: [WireField("push", "2"), WireField("format", "csv")])
    ),
    (">{3}\na\nb\n", Reply(.rows(Array("a\nb".utf8)))),
    (
      ">#q encoding=zstd size=9 {0}\n\n",
      Reply(
        tag: "q", .rows([]), fields: [WireField("encoding", "zstd"), WireField("size", "9")])
    ),
    (".\n", Reply(.end)),
    (
      ".#q rows=2 ms=0.412\n",
      Reply(tag: "q", .end, fields: [WireField("rows", "2"), WireField("ms", "0.412")])
    ),
    (
      "~#i reject code=E_TYPE line=2 :'abc' is not a number\n",
      Reply(
        tag: "i", .notice(word: "reject", message: "'abc' is not a number"),
        fields: [WireField("code", "E_TYPE"), WireField("line", "2")])
    ),
    (
      "~slow queue_ms=3\n",
      Reply(.notice(word: "slow", message: nil), fields: [WireField("queue_ms", "3")])
    ),
  ]

  @Test(arguments: cases.indices)
  func `a reply is written and read, whatever the split`(_ index: Int) {
    let (text, reply) = Self.cases[index]
    var bytes: [UInt8] = []
    reply.encode(into: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == text)
    #expect(DecoderVerifier.replies().verified(Array(text.utf8)) == [.reply(reply)])
  }

  @Test(arguments: [
    "x\n", "#q PING\n", "+\n", "+#a/b PING\n", "+PING x\n", "-\n", "=format=csv\n", "=cols=[\n",
    "=cols=[[\"a\"]]\n", ">#q\n", ".rows=1 x\n", "+PING a=\"\n",
  ])
  func `what is no reply ends the connection`(_ text: String) {
    let outcomes = DecoderVerifier.replies().verified(Array((text + "+PING\n").utf8))
    #expect(outcomes.count == 1)
    guard case .failure(let error) = outcomes.first else {
      Issue.record("\(outcomes)")
      return
    }
    #expect(error.code == .protocolError)
  }

  @Test func `what a server of tomorrow says is kept`() {
    let text = "-#q E_TOMORROW x=1 retry=yes :later\n+#r SING a=b\n~dance :now\n"
    let outcomes = DecoderVerifier.replies().verified(Array(text.utf8))
    var error = WireError(
      WireCode(rawValue: "E_TOMORROW"), "later", fields: [WireField("x", "1")])
    error.isRetryable = true
    #expect(
      outcomes == [
        .reply(Reply(tag: "q", .failure(error))),
        .reply(
          Reply(tag: "r", .done(word: "SING", message: nil), fields: [WireField("a", "b")])),
        .reply(Reply(.notice(word: "dance", message: "now"))),
      ])
  }

  @Test func `control characters cannot break a line`() {
    var bytes: [UInt8] = []
    Reply(.failure(WireError(.parse, "a\nb\r\u{0}c", hint: "x\ny\u{1}\"\\"))).encode(into: &bytes)
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text == "-E_PARSE hint=\"x\\ny \\\"\\\\\" retry=no :a b  c\n")
  }

  @Test func `an error of the engine says where`() {
    let source = "select\n é, sum(cst)"
    let offset = source.utf8.count - 4
    let error = TallyError(
      .binding, "unknown column \"cst\"", span: SourceSpan(offset, offset + 3), hint: "cost")
    let wire = WireError(error, source: source)
    #expect(wire.code == .bind && !wire.isRetryable && wire.hint == "cost")
    #expect(wire.fields["line"] == "2" && wire.fields["col"] == "9")
    #expect(wire.fields["offset"] == "\(offset)" && wire.fields["len"] == "3")
  }

  @Test func `a span beyond the text is cut to it`() {
    let place = SourcePlace(SourceSpan(-5, 99), in: "ab\n")
    #expect(place.offset == 0 && place.byteCount == 3 && place.line == 1)
    let end = SourcePlace(SourceSpan(99, 5), in: "ab\n")
    #expect(end.offset == 3 && end.byteCount == 0 && end.line == 2 && end.column == 1)
  }

  @Test(arguments: [
    (0, "0ms"), (1, "1ms"), (1_000, "1s"), (1_500, "1500ms"), (60_000, "1m"), (90_000, "90s"),
    (7_200_000, "2h"),
  ])
  func `durations are written in their largest unit`(_ milliseconds: Int, _ text: String) {
    #expect(WireDuration(milliseconds: milliseconds).text == text)
    #expect(WireDuration(text)?.milliseconds == milliseconds)
  }

  @Test(arguments: ["", "5", "s", "-1s", "1.5s", "5 s", "9999999999999s", "999999999999h", "1d"])
  func `other durations are none`(_ text: String) { #expect(WireDuration(text) == nil) }

  @Test func `the summary of a result is its last line`() {
    var summary = ResultSummary()
    summary.rowCount = 2
    summary.readRowCount = 168
    summary.readByteCount = 4_032
    summary.elapsedNanoseconds = 12_034_567
    summary.source = "rollup"
    summary.checksum = 0x00AB_CDEF
    summary.missingRowCount = 5
    var bytes: [UInt8] = []
    Reply(tag: "q", .end, fields: summary.fields).encode(into: &bytes)
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == ".#q rows=2 read_rows=168 read_bytes=4032 ms=12.034 source=rollup "
        + "checksum=crc32c:00abcdef partial=yes missing_rows=5\n")
  }
}
