import Foundation
import TallyBase
import TallyIngest
import Testing

@Suite struct LineProtocolFuzzTests {
  /// `TALLY_FUZZ_SEED` asks for other bytes, and for many more.
  private static let seed = ProcessInfo.processInfo.environment["TALLY_FUZZ_SEED"].flatMap {
    UInt64($0)
  }
  private static let repetitionCount = seed == nil ? 1 : 50

  private static let corpus = [
    "usage", "usage,", "usage ", ",", " ", "=", "\\", "\"", "\n", "\r\n", "\r", "#", "org", "model",
    "input_tokens", "cost", "ts_ms", "a", "=1", "=1i", "=1u", "=\"x\"", "=true", "=t", "=-1.5e3",
    "1700000000", "9223372036854775807i", "18446744073709551615u", "NaN", "\t", "é", "🙂", "'",
    "\u{0}", "usage,org=a,model=b input_tokens=5i,cost=0.5 1700000000\n", "usage a=1 1\n",
  ]

  private static func text(_ random: inout SeededRandom) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 1...40, using: &random) {
      bytes += Array((corpus.randomElement(using: &random) ?? "").utf8)
      if Int.random(in: 0..<30, using: &random) == 0 {
        bytes.append(.random(in: .min ... .max, using: &random))
      }
    }
    return bytes
  }

  @Test func `every line is a row, a reject or nothing, whatever it holds`() throws {
    var random = SeededRandom(seed: Self.seed ?? 3)
    let decoder = PayloadDecoder(mapping: .standard)
    for _ in 0..<(3_000 * Self.repetitionCount) {
      let bytes = Self.text(&random)
      guard
        let decoded = try? decoder.decode(
          bytes, format: .influx, schema: .standard, receivedAtMicroseconds: 1)
      else { continue }
      let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
      let isComplete = bytes.last == 0x0A
      #expect(decoded.lineCount == lines.count - (isComplete || bytes.isEmpty ? 1 : 0))
      let silentCount = lines.count { line in
        let rest = (line.last == 0x0D ? line.dropLast() : line).drop { $0 == 0x20 }
        return rest.isEmpty || rest.first == UInt8(ascii: "#")
      }
      // Lines that are not UTF-8 are rejected, comments or not.
      let takenCount = decoded.batch.rowCount + decoded.rejections.count
      #expect(takenCount >= lines.count - silentCount && takenCount <= lines.count)
      for rejection in decoded.rejections {
        #expect((1...max(1, rejection.original.count + 2)).contains(rejection.column ?? 0))
      }
    }
  }

  @Test func `a decoder that learned from other payloads decodes the same`() throws {
    var random = SeededRandom(seed: Self.seed ?? 4)
    let old = PayloadDecoder(mapping: .standard)
    for _ in 0..<(500 * Self.repetitionCount) {
      let bytes = Self.text(&random)
      func decode(_ decoder: PayloadDecoder) throws(TallyError) -> DecodedChunk {
        try decoder.decode(bytes, format: .influx, schema: .standard, receivedAtMicroseconds: 1)
      }
      guard let known = try? decode(old) else { continue }
      let fresh = try decode(PayloadDecoder(mapping: .standard))
      #expect(known.batch.rows == fresh.batch.rows)
      #expect(known.rejections == fresh.rejections)
      #expect(known.newColumns == fresh.newColumns)
    }
  }

  @Test func `what is written for a row is read as that row`() throws {
    var random = SeededRandom(seed: Self.seed ?? 5)
    let alphabet = Array("ab ,=\\\"'#é🙂\t")
    func text() -> String {
      String(
        (0..<Int.random(in: 1...8, using: &random)).map { _ in
          alphabet.randomElement(using: &random) ?? "a"
        })
    }
    func escaped(_ text: String, _ signs: String) -> String {
      var result = ""
      for character in text {
        if signs.contains(character) || character == "\\" { result += "\\" }
        result.append(character)
      }
      return result
    }
    for _ in 0..<(2_000 * Self.repetitionCount) {
      let (tag, string, number) = (text(), text(), Int64.random(in: .min ... .max, using: &random))
      let line =
        "usage,team=\(escaped(tag, ",= ")) session=\"\(escaped(string, "\""))\""
        + ",price_id=\(number)i 1"
      let decoded = try PayloadDecoder(mapping: .standard).decode(
        Array(line.utf8), format: .influx, schema: .standard, receivedAtMicroseconds: nil)
      #expect(
        decoded.batch.rows == [
          [
            "team": .text(tag), "session": .text(string), "price_id": .integer(number),
            "time": .integer(1_000_000),
          ]
        ], "\(line)")
    }
  }
}
