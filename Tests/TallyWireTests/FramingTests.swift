import TallyWire
import Testing

@Suite struct FramingTests {
  private static var small: WireLimits {
    var limits = WireLimits()
    limits.lineByteCountMax = 20
    limits.payloadByteCountMax = 10
    limits.droppedByteCountMax = 30
    return limits
  }

  @Test(arguments: ["\n", "\r\n"])
  func `a line may have as many bytes as the limit says, its end not counted`(_ end: String) throws
  {
    func ping(_ byteCount: Int) -> String {
      "PING " + String(repeating: "x", count: byteCount - 5) + end
    }
    for byteCount in [19, 20] {
      let outcomes = requests(ping(byteCount) + "PING\n", limits: Self.small)
      #expect(outcomes.count == 2 && outcomes.last == .request(Request(.ping(text: ""))))
    }
    for text in [ping(21) + "PING\n", ping(300)] {
      let failed = try failure(text, limits: Self.small)
      #expect(failed.error.code == .lineTooLong && failed.error.fields["max"] == "20")
    }
  }

  @Test func `an endless line is refused before it ends`() throws {
    let text = "PING " + String(repeating: "x", count: 16)
    #expect(try failure(text, limits: Self.small).error.code == .lineTooLong)
  }

  @Test func `a payload beyond the limit is dropped, and the connection goes on`() throws {
    let payload = String(repeating: "\n", count: 30)
    let text = "#i INSERT {30}\n\(payload)\nPING\n"
    let outcomes = requests(text, limits: Self.small)
    #expect(outcomes.count == 2)
    guard case .failure(let failed) = outcomes.first else {
      Issue.record("\(outcomes)")
      return
    }
    #expect(failed.tag == "i" && failed.error.code == .tooLarge)
    #expect(outcomes.last == .request(Request(.ping(text: ""))))
  }

  @Test(arguments: ["INSERT {31}\n", "INSERT {9999999999}\n", "PING {2}\nabc\n", "PING {1}\na\rx"])
  func `broken framing ends the connection`(_ text: String) throws {
    let failed = try failure(text + "PING\nPING\n", limits: Self.small)
    #expect(failed.error.code == .protocolError && failed.error.code.closes)
  }

  @Test func `lines of data beyond the limit are dropped up to END`() throws {
    let text = "#i INGEST\n12345\n67890\nEND\nPING\n"
    let outcomes = requests(text, limits: Self.small)
    #expect(outcomes.count == 2 && outcomes.last == .request(Request(.ping(text: ""))))
    guard case .failure(let failed) = outcomes.first else {
      Issue.record("\(outcomes)")
      return
    }
    #expect(failed.tag == "i" && failed.error.code == .tooLarge)
    #expect(requests("INGEST\n1234\n5678\nEND\n", limits: Self.small).count == 1)
  }

  @Test(arguments: [
    "PING {3}\nab", "QUERY x", "INGEST\nusage a=1\n", "PING {1}\na", "PING {1}\na\r",
  ])
  func `what is not complete yields nothing, and is known to be cut off`(_ text: String) {
    var decoder = RequestDecoder()
    #expect(!decoder.isInsideRequest)
    decoder.feed(Array(text.utf8))
    #expect(decoder.next() == nil)
    #expect(decoder.isInsideRequest)
  }

  @Test func `memory does not grow with what was answered`() {
    var decoder = RequestDecoder()
    let piece = Array(String(repeating: "PING\n", count: 1_000).utf8)
    for _ in 0..<20 {
      decoder.feed(piece)
      while decoder.next() != nil {}
      #expect(decoder.byteCount == 0)
    }
  }

  @Test func `many pipelined requests come in order`() {
    var decoder = RequestDecoder()
    var text = ""
    for index in 0..<5_000 { text += "#\(index) PING \(index)\n" }
    decoder.feed(text.utf8)
    for index in 0..<5_000 {
      #expect(
        decoder.next() == .request(Request(tag: "\(index)", .ping(text: "\(index)"))))
    }
    #expect(decoder.next() == nil)
  }
}
