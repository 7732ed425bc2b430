import TallyBase
import TallyIngest
import Testing

@Suite struct GeneratorTests {
  private func generator(
    events: Int = 30_000, days: Int = 2, seed: UInt64 = 7
  ) throws -> WorkloadGenerator {
    var options = WorkloadGenerator.Options()
    options.eventCount = events
    options.dayCount = days
    options.seed = seed
    return try WorkloadGenerator(options: options)
  }

  private func text(_ generator: WorkloadGenerator, _ format: EventTextWriter.Format) -> [UInt8] {
    var writer = EventTextWriter(format: format)
    var text: [UInt8] = []
    for block in 0..<generator.blockCount { writer.append(generator.block(block), to: &text) }
    return text
  }

  /// FNV-1a, 64 bits.
  private func checksum(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0100_0000_01B3 }
  }

  @Test func `a seed names the same data for ever`() throws {
    let sum = checksum(text(try generator(events: 2_000), .jsonl))
    #expect(sum == 3_048_390_440_145_717_041)
    #expect(
      checksum(text(try generator(events: 2_000, seed: 8), .jsonl))
        != checksum(text(try generator(events: 2_000), .jsonl)))
  }

  @Test(arguments: [EventTextWriter.Format.jsonl, .csv])
  func `text reads back as the rows it was written from`(
    _ format: EventTextWriter.Format
  ) throws {
    let generator = try generator(events: 3_000)
    let expected = (0..<generator.blockCount).flatMap { generator.block($0).rows }
    let result = try imported(text(generator, format), format == .csv ? .csv : .jsonl)
    #expect(result.rejections.isEmpty)
    #expect(result.rows == expected)
  }

  @Test func `the data has the workload's shape`() throws {
    let generator = try generator()
    let rows = (0..<generator.blockCount).flatMap { generator.block($0).rows }
    #expect(rows.count == 30_000)
    func integer(_ row: Row, _ name: String) -> Int64 {
      if case .integer(let value) = row[name] { value } else { -1 }
    }
    let times = rows.map { integer($0, "time") }
    #expect(times == times.sorted())
    let days = Set(times.map { Day(containing: $0).description })
    #expect(days == ["2026-01-01", "2026-01-02"])
    let failed = rows.count { $0["success"] == .bool(false) }
    #expect((450...750).contains(failed))
    let topOrg = rows.count { $0["org"] == .text("org-0000") }
    #expect((5_000...8_000).contains(topOrg))
    let input = rows.map { integer($0, "input_tokens") }.sorted()
    // The median of a log-normal law is e^mu, about 665.
    #expect((630...700).contains(input[15_000]))
    for row in rows {
      #expect(integer(row, "ttft_ms") <= integer(row, "latency_ms"))
      #expect((row["error_type"] != nil) == (row["success"] == .bool(false)))
      #expect(integer(row, "cache_read_tokens") <= integer(row, "input_tokens"))
    }
  }

  @Test func `options out of range are refused`() {
    #expect(throws: TallyError.self) { try generator(events: -1) }
    #expect(throws: TallyError.self) { try generator(days: 0) }
  }

  @Test func `fewer events than days are spread`() throws {
    let generator = try generator(events: 3, days: 10)
    #expect((0..<generator.blockCount).map { generator.block($0).rowCount }.reduce(0, +) == 3)
  }
}
