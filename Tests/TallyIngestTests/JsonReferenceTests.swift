import Foundation
import TallyBase
import TallyIngest
import Testing

/// The decoder against Foundation's parser on random objects.
@Suite struct JsonReferenceTests {
  /// Random objects as text, spelled in many ways.
  struct Writer {
    var random: SeededRandom

    mutating func blank() -> String {
      ["", "", "", " ", "\t", "  "].randomElement(using: &random) ?? ""
    }

    mutating func string() -> String {
      let pieces = [
        "a", "org-0003", " ", "é", "日本", "🙂", "\\n", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude42",
        "\\/", "longer-than-sixteen-bytes", "0123456", "{", "]", ",",
      ]
      let count = Int.random(in: 0...5, using: &random)
      return (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
    }

    mutating func integer() -> String {
      let digits = Int.random(in: 1...18, using: &random)
      let first = Int.random(in: digits == 1 ? 0...9 : 1...9, using: &random)
      let rest = (1..<digits).map { _ in "\(Int.random(in: 0...9, using: &random))" }
      return "\(first)" + rest.joined()
    }

    mutating func decimal() -> String {
      let sign = Bool.random(using: &random) ? "-" : ""
      let whole = Int.random(in: 0...99_999, using: &random)
      let digits = (0..<Int.random(in: 1...12, using: &random)).map { _ in
        "\(Int.random(in: 0...9, using: &random))"
      }
      let exponent = ["", "", "", "e-3", "E2", "e+0"].randomElement(using: &random) ?? ""
      return "\(sign)\(whole).\(digits.joined())\(exponent)"
    }

    mutating func object() -> String {
      var members: [String] = []
      func add(_ name: String, _ value: String) {
        members.append("\(blank())\"\(name)\"\(blank()):\(blank())\(value)\(blank())")
      }
      add("time", "\(Int.random(in: 1_000_000_000...2_000_000_000, using: &random))")
      for name in ["org", "user", "model", "event_id"] where Bool.random(using: &random) {
        add(name, Int.random(in: 0...9, using: &random) == 0 ? "null" : "\"\(string())\"")
      }
      for name in ["input_tokens", "output_tokens"] where Bool.random(using: &random) {
        add(name, integer())
      }
      for name in ["cost", "latency_ms"] where Bool.random(using: &random) {
        add(name, decimal())
      }
      if Bool.random(using: &random) {
        add("success", ["true", "false"].randomElement(using: &random) ?? "")
      }
      if Bool.random(using: &random) { members.shuffle(using: &random) }
      return "{\(members.joined(separator: ","))}"
    }
  }

  /// The row that an object means, by way of Foundation.
  private static func reference(_ line: String) throws -> Row {
    // swift-format-ignore: AlwaysUseLowerCamelCase
    struct Event: Decodable {
      var time: Int64
      var org: String?
      var user: String?
      var model: String?
      var event_id: String?
      var input_tokens: Int64?
      var output_tokens: Int64?
      var cost: Decimal?
      var latency_ms: Decimal?
      var success: Bool?
    }
    let event = try JSONDecoder().decode(Event.self, from: Data(line.utf8))
    func scaled(_ value: Decimal?, _ scale: Int) -> Cell? {
      guard var value else { return nil }
      var shifted = Decimal()
      _ = unsafe NSDecimalMultiplyByPowerOf10(&shifted, &value, Int16(scale), .bankers)
      var rounded = Decimal()
      unsafe NSDecimalRound(&rounded, &shifted, 0, .bankers)
      return .integer(NSDecimalNumber(decimal: rounded).int64Value)
    }
    var row: Row = ["time": .integer(event.time * 1_000_000)]
    row["org"] = event.org.map { .text($0) }
    row["user"] = event.user.map { .text($0) }
    row["model"] = event.model.map { .text($0) }
    row["event_id"] = event.event_id.map { .text($0) }
    row["input_tokens"] = event.input_tokens.map { .integer($0) }
    row["output_tokens"] = event.output_tokens.map { .integer($0) }
    row["cost"] = scaled(event.cost, 9)
    row["latency_ms"] = scaled(event.latency_ms, 3)
    row["success"] = event.success.map { .bool($0) }
    return row
  }

  @Test(arguments: [1, 2, 3])
  func `rows equal those of a plain decoder`(seed: UInt64) throws {
    var writer = Writer(random: SeededRandom(seed: seed))
    let lines = (0..<400).map { _ in writer.object() }
    let expected = try lines.map { try JsonReferenceTests.reference($0) }
    let result = try imported(lines.joined(separator: "\n"), .jsonl)
    #expect(result.rejections.isEmpty, "\(result.rejections.first?.reason ?? "")")
    #expect(result.rows.count == expected.count)
    for (index, (row, reference)) in zip(result.rows, expected).enumerated() {
      #expect(row == reference, "\(lines[index])")
    }
  }

  @Test func `random damage never crashes and rejects no neighbour`() throws {
    var writer = Writer(random: SeededRandom(seed: 9))
    let good = #"{"time":1700000000,"org":"good"}"#
    for _ in 0..<300 {
      var bytes = Array(writer.object().utf8)
      for _ in 0..<Int.random(in: 1...4, using: &writer.random) {
        let index = Int.random(in: 0..<bytes.count, using: &writer.random)
        let byte = UInt8.random(in: 0...255, using: &writer.random)
        bytes[index] = byte == 0x0A ? 0 : byte
      }
      let result = try imported(
        Array("\(good)\n".utf8) + bytes + Array("\n\(good)\n".utf8), .jsonl)
      let goodCount = result.rows.count { $0["org"] == .text("good") }
      #expect(goodCount >= 2)
      #expect(result.rows.count + result.rejections.count >= 2)
      #expect(result.rows.count + result.rejections.count <= 3)
    }
  }
}
