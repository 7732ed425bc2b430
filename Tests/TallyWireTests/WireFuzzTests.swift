import Foundation
import TallyBase
import TallyWire
import Testing

@Suite struct WireFuzzTests {
  /// `TALLY_FUZZ_SEED` asks for other bytes, and for many more.
  private static let seed = ProcessInfo.processInfo.environment["TALLY_FUZZ_SEED"].flatMap {
    UInt64($0)
  }
  private static let repetitionCount = seed == nil ? 1 : 20

  /// Pieces from which lines are made that are almost right.
  private static let corpus = [
    "#q1 ", "#", "HELLO 1", "AUTH TOKEN x", "PING", "QUERY ", "format=csv ", "timeout=5s ", "a=",
    "\"", "\\", "\\\"", " {3}", " {0}", " {11}", " {99}", "{", "}", "\n", "\r\n", "\r", " ", "\t",
    "INSERT", "INGEST", "END", "END\n", "EXEC s [1,\"a\"]", "CANCEL #q1", "SUBSCRIBE x EVERY 5s",
    ":", "=", "+", "-E_X :m", ">#q {3}\nabc\n", ".rows=1", "~n", "=cols=[[\"a\",\"b\"]]", "é", "🙂",
    "\u{0}", "\u{7F}", "usage a=1", "[", "]", ",",
  ]

  private static func text(_ random: inout SeededGenerator) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<(1 + random.below(12)) {
      bytes += Array(random.pick(corpus).utf8)
      if random.chance(20) { bytes.append(UInt8.random(in: .min ... .max, using: &random)) }
    }
    if random.chance(2) { bytes.append(0x0A) }
    return bytes
  }

  @Test func `random bytes never trap and mean the same however they are split`() {
    var random = SeededGenerator(seed: Self.seed ?? 1)
    var limits = WireLimits()
    limits.lineByteCountMax = 64
    limits.payloadByteCountMax = 12
    limits.droppedByteCountMax = 100
    for _ in 0..<(1_500 * Self.repetitionCount) {
      let bytes = Self.text(&random)
      DecoderVerifier.requests(limits).verified(bytes)
      DecoderVerifier.replies(limits).verified(bytes)
    }
  }

  private static func name(_ random: inout SeededGenerator) -> String {
    String((0..<(1 + random.below(5))).map { _ in random.pick(Array("ab9_.-")) })
  }

  private static func freeText(_ random: inout SeededGenerator) -> String {
    let pieces = ["a", "=", " ", ":", "{3}", "\n", "\"", "é", "#", "every 5s", "\\", "x=1", "\t"]
    let text = (0..<random.below(6)).map { _ in random.pick(pieces) }.joined()
    return "s" + text + "e"
  }

  private static func command(_ random: inout SeededGenerator) -> Command {
    var query = QueryOptions()
    if random.chance(2) { query.format = random.pick(ResultFormat.allCases) }
    if random.chance(3) { query.timeout = WireDuration(milliseconds: 1 + random.below(100_000)) }
    if random.chance(3) { query.rowCountMax = random.below(1_000) }
    if random.chance(3) { query.allowsPartialAnswers = random.chance(2) }
    var insert = InsertOptions()
    if random.chance(2) { insert.ack = random.pick(AckLevel.allCases) }
    if random.chance(2) { insert.data = random.pick(DataFormat.allCases) }
    switch random.below(8) {
    case 0: return .query(text: freeText(&random), options: query)
    case 1: return .set(query: query, insert: insert)
    case 2: return .prepare(name: name(&random), text: freeText(&random))
    case 3:
      let parameters: [Value] = [
        .null, .bool(random.chance(2)), .int(Int128(random.below(1_000)) - 500),
        .text(ByteString(freeText(&random))), .decimal(unscaled: -5, scale: 3),
        .double(Double(random.below(99)) / 7),
      ]
      return .exec(
        name: name(&random), parameters: Array(parameters.shuffled(using: &random).prefix(3)),
        options: query)
    case 4:
      if random.chance(2) {
        insert.producer = freeText(&random)
        insert.sequence = random.next()
      }
      return .insert(payload: Array(freeText(&random).utf8), options: insert, isBody: false)
    case 5:
      var subscription = Command.Subscription(text: freeText(&random))
      subscription.every = WireDuration(milliseconds: 1_000 + random.below(100_000))
      subscription.trigger = random.chance(2) ? .tick : .change
      return .subscribe(subscription)
    case 6: return .use(org: freeText(&random))
    default: return .ping(text: freeText(&random))
    }
  }

  @Test func `random requests are read as they were written`() {
    var random = SeededGenerator(seed: Self.seed ?? 2)
    for _ in 0..<(1_000 * Self.repetitionCount) {
      let request = Request(tag: Self.name(&random), Self.command(&random))
      var bytes: [UInt8] = []
      request.encode(into: &bytes)
      let outcomes = DecoderVerifier.requests().decode([bytes[...]])
      #expect(outcomes == [.request(request)], "\(String(decoding: bytes, as: UTF8.self))")
    }
  }
}
