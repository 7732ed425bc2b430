import TallyBase
import TallyWire
import Testing

@Suite struct RequestTests {
  private static func query(_ text: String, _ edit: (inout QueryOptions) -> Void = { _ in })
    -> Command
  {
    var options = QueryOptions()
    edit(&options)
    return .query(text: text, options: options)
  }

  private static func insert(
    _ payload: String, isBody: Bool = false, _ edit: (inout InsertOptions) -> Void = { _ in }
  ) -> Command {
    var options = InsertOptions()
    edit(&options)
    return .insert(payload: Array(payload.utf8), options: options, isBody: isBody)
  }

  private static func hello(_ edit: (inout Command.Hello) -> Void) -> Command {
    var hello = Command.Hello(version: 1)
    edit(&hello)
    return .hello(hello)
  }

  private static func cancel(_ edit: (inout Command.Cancellation) -> Void) -> Command {
    var cancellation = Command.Cancellation()
    edit(&cancellation)
    return .cancel(cancellation)
  }

  private static func subscription(
    _ text: String, _ edit: (inout Command.Subscription) -> Void
  ) -> Command {
    var subscription = Command.Subscription(text: text)
    edit(&subscription)
    return .subscribe(subscription)
  }

  static let cases: [(String, Request)] = [
    ("HELLO 1\n", Request(hello { _ in })),
    (
      "hello 1 client=\"a b\" format=csv compress=zstd later=1\n",
      Request(
        hello {
          $0.client = "a b"
          $0.format = .csv
          $0.allowsZstd = true
        })
    ),
    ("AUTH TOKEN tally_x=\"1\n", Request(.auth(token: "tally_x=\"1"))),
    ("PING\r\n", Request(.ping(text: ""))),
    ("#p.1 ping  are you\tthere \n", Request(tag: "p.1", .ping(text: "are you\tthere"))),
    ("PING {3}\na\nb\n", Request(.ping(text: "a\nb"))),
    ("USE\n", Request(.use(org: nil))),
    ("USE org=\"a \\\"b\\\" \\\\ \\n\"\n", Request(.use(org: "a \"b\" \\ \n"))),
    ("\n \t\r\nSTATUS\n", Request(.status)),
    ("FLUSH\n", Request(.flush)),
    ("QUIT\n", Request(.quit)),
    ("#q1 QUERY sum(cost) by model\n", Request(tag: "q1", query("sum(cost) by model"))),
    ("QUERY select '{5}'\n", Request(query("select '{5}'"))),
    ("QUERY select 1 -- {5};\n", Request(query("select 1 -- {5};"))),
    ("QUERY :a=b, count(*)\n", Request(query("a=b, count(*)"))),
    ("QUERY 'é🙂' x=1\n", Request(query("'é🙂' x=1"))),
    (
      "QUERY format=tsv header=no timeout=1500ms max_rows=10 rollups=no partial=yes by model\n",
      Request(
        query("by model") {
          $0.format = .tsv
          $0.hasHeader = false
          $0.timeout = WireDuration(milliseconds: 1_500)
          $0.rowCountMax = 10
          $0.usesRollups = false
          $0.allowsPartialAnswers = true
        })
    ),
    (
      "QUERY format=csv {11}\nselect\n1\n;;\n\r\n",
      Request(query("select\n1\n;;") { $0.format = .csv })
    ),
    ("PREPARE s select $1\n", Request(.prepare(name: "s", text: "select $1"))),
    ("PREPARE s\n", Request(.prepare(name: "s", text: nil))),
    ("EXEC s\n", Request(.exec(name: "s", parameters: [], options: QueryOptions()))),
    (
      "EXEC s [null, true, \"a\\u00e9\\ud83d\\ude42\", -7, 1.50, 2e3]\n",
      Request(
        .exec(
          name: "s",
          parameters: [
            .null, .bool(true), .text("aé🙂"), .int(-7), .decimal(unscaled: 150, scale: 2),
            .double(2_000),
          ], options: QueryOptions()))
    ),
    ("INSERT {0}\n\n", Request(insert(""))),
    (
      "#i INSERT data=jsonl ack=os mode=partial precision=ms producer=gw seq=18446744073709551615 "
        + "encoding=gzip strict=yes into=usage {4}\n\u{0}\n\r\n\n",
      Request(
        tag: "i",
        insert("\u{0}\n\r\n") {
          $0.data = .jsonl
          $0.ack = .os
          $0.mode = .partial
          $0.precision = .milliseconds
          $0.producer = "gw"
          $0.sequence = .max
          $0.encoding = .gzip
          $0.isStrict = true
        })
    ),
    (
      "#i INGEST ack=memory\nusage a=1 {5}\n#q1 QUERY 1\r\n\nend\r\n",
      Request(
        tag: "i", insert("usage a=1 {5}\n#q1 QUERY 1\r\n\n", isBody: true) { $0.ack = .memory })
    ),
    ("CANCEL\n", Request(cancel { _ in })),
    ("CANCEL #q1\n", Request(cancel { $0.tag = "q1" })),
    (
      "CANCEL conn=77 key=9f #q1\n",
      Request(
        cancel {
          $0.connection = 77
          $0.key = "9f"
          $0.tag = "q1"
        })
    ),
    (
      "#s SUBSCRIBE sum(cost) today EVERY 10s\n",
      Request(
        tag: "s", subscription("sum(cost) today") { $0.every = WireDuration(milliseconds: 10_000) })
    ),
    (
      "#s SUBSCRIBE every=1h on=tick LIVE\n",
      Request(
        tag: "s",
        subscription("LIVE") {
          $0.every = WireDuration(milliseconds: 3_600_000)
          $0.trigger = .tick
        })
    ),
    ("UNSUBSCRIBE #s\n", Request(.unsubscribe(tag: "s"))),
  ]

  @Test(arguments: cases.indices)
  func `a request is read, whatever the split`(_ index: Int) throws {
    let (text, expected) = Self.cases[index]
    #expect(try request(text) == expected, "\(text)")
  }

  @Test(arguments: cases.indices)
  func `what a client encodes is read as the same`(_ index: Int) throws {
    let (_, expected) = Self.cases[index]
    var bytes: [UInt8] = []
    expected.encode(into: &bytes)
    #expect(DecoderVerifier.requests().verified(bytes) == [.request(expected)])
  }

  static let failures: [(String, WireCode, String)] = [
    ("QURY x\n", .unknownVerb, "did you mean QUERY?"),
    ("usage,org=a b=1\n", .unknownVerb, "INGEST"),
    ("{\"time\":1}\n", .unknownVerb, "INGEST"),
    ("#q1\n", .unknownVerb, "expected a verb"),
    ("END\n", .state, "END without INGEST"),
    ("# QUERY x\n", .tag, "1 to 32"),
    ("#a/b QUERY x\n", .tag, "'a/b'"),
    ("#\(String(repeating: "x", count: 33)) PING\n", .tag, "1 to 32"),
    ("QUERY\n", .argument, "needs a query"),
    ("QUERY {0}\n\n", .argument, "needs a query"),
    ("QUERY fromat=csv x\n", .argument, "did you mean 'format'?"),
    ("QUERY x='é'\n", .argument, "preceded by ':'"),
    ("QUERY format=cvs x\n", .argument, "jsonl, csv, tsv or table"),
    ("QUERY timeout=5 x\n", .argument, "500ms"),
    ("QUERY timeout=0s x\n", .argument, "500ms"),
    ("QUERY max_rows=-1 x\n", .argument, "a whole number"),
    ("QUERY rollups=true x\n", .argument, "yes or no"),
    ("QUERY format=csv format=csv x\n", .argument, "given twice"),
    ("QUERY x {1}\ny\n", .argument, "expected one of them"),
    ("QUERY select \u{1B}[A\n", .argument, "control character 27"),
    ("QUERY format=\"csv x\n", .argument, "not closed"),
    ("QUERY format=\"csv\"x\n", .argument, "after the closing quote"),
    ("QUERY format=\"\\x\" x\n", .argument, "unknown escape"),
    ("HELLO\n", .argument, "needs a version"),
    ("HELLO one\n", .argument, "'one'"),
    ("AUTH PLAIN x\n", .argument, "TOKEN"),
    ("AUTH TOKEN\n", .argument, "needs a token"),
    ("AUTH TOKEN a b\n", .argument, "'b'"),
    ("STATUS now\n", .argument, "'now'"),
    ("FLUSH {1}\nx\n", .argument, "no payload"),
    ("EXEC s [1\n", .argument, "']'"),
    ("EXEC s [01]\n", .argument, "a string, number"),
    ("EXEC s [[1]]\n", .argument, "a string, number"),
    ("EXEC s [0x1p3]\n", .argument, "a string, number"),
    ("EXEC s [\"\\ud800\"]\n", .argument, "surrogate"),
    ("EXEC a/b\n", .argument, "'a/b'"),
    ("INSERT\n", .argument, "needs a payload"),
    ("INSERT into=usgae {1}\nx\n", .argument, "'usgae'"),
    ("INSERT producer=p {1}\nx\n", .argument, "both or neither"),
    ("INSERT producer=\"\" seq=1 {1}\nx\n", .argument, "1 to 128"),
    ("INSERT producer=p seq=18446744073709551616 {1}\nx\n", .argument, "2^64"),
    ("INSERT ack=disk {1}\nx\n", .argument, "memory, os, durable or published"),
    ("INGEST {1}\nx\n", .argument, "no payload"),
    ("INGEST ack=disk\nusage a=1\nEND\n", .argument, "durable"),
    ("INGEST encoding=gzip\nEND\n", .argument, "no option 'encoding'"),
    ("CANCEL q1\n", .argument, "#q1"),
    ("CANCEL conn=1\n", .argument, "both or neither"),
    ("SUBSCRIBE x\n", .argument, "needs a tag"),
    ("#s SUBSCRIBE x EVERY 2h\n", .argument, "1s to 1h"),
    ("#s SUBSCRIBE every=999ms x\n", .argument, "1s to 1h"),
    ("UNSUBSCRIBE\n", .argument, "needs the tag"),
  ]

  @Test(arguments: failures.indices)
  func `a bad request is refused with a code and a reason, and the next is read`(
    _ index: Int
  ) throws {
    let (text, code, reason) = Self.failures[index]
    let failed = try failure(text)
    #expect(failed.error.code == code, "\(text): \(failed.error)")
    let said = failed.error.message + " " + (failed.error.hint ?? "")
    #expect(said.contains(reason), "\(text): \(said)")
    #expect(requests(text + "#n PING\n").last == .request(Request(tag: "n", .ping(text: ""))))
  }

  @Test func `a failure carries the tag of its request`() throws {
    #expect(try failure("#q7 QUERY\n").tag == "q7")
    #expect(try failure("#q7 NONSENSE\n").tag == "q7")
    #expect(try failure("#i INGEST ack=x\nEND\n").tag == "i")
    #expect(try failure("#a/b PING\n").tag == nil)
  }
}
