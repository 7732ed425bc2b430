import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Repeated events, wherever the earlier one is: in the batch, in the buffer, being flushed, in a
/// segment, or in the log of a process that was killed.
@Suite("Duplicate ingest") struct DuplicateIngestTests {
  /// Every row that was ever sent and which of them must be there: slow and obvious.
  struct Model {
    var living: [TestRow] = []
    var duplicateCount = 0

    mutating func append(_ row: TestRow) {
      guard let id = row["event_id"], !id.isNull else { return living.append(row) }
      let equal = living.indices.filter { index in
        living[index]["event_id"] == id && living[index]["org"] == row["org"]
          && abs(Model.day(living[index]) - Model.day(row)) <= 45
      }
      guard !equal.isEmpty else { return living.append(row) }
      duplicateCount += 1
      guard equal.allSatisfy({ Model.tokens(living[$0]) <= Model.tokens(row) }) else { return }
      for index in equal.reversed() { living.remove(at: index) }
      living.append(row)
    }

    private static func day(_ row: TestRow) -> Int64 {
      if case .timestamp(let time)? = row["time"] { time / Day.microsecondsPerDay } else { 0 }
    }

    private static func tokens(_ row: TestRow) -> Int128 {
      ["input_tokens", "output_tokens"].reduce(0) { sum, name in
        if case .int(let count)? = row[name] { sum + count } else { sum }
      }
    }

    var sequences: [Int] { IngestFixture.sequences(living) }
  }

  private static func row(_ number: Int, _ random: inout SplitMix64) -> TestRow {
    let offset = [0, 0, 1, 2, 45, 46, 91].randomElement(using: &random) ?? 0
    let day = Int64(20_454 + offset)
    var row: TestRow = [
      "time": .timestamp(day * Day.microsecondsPerDay + Int64(random.next() % 1_000)),
      "sequence": .int(Int128(number)),
      "input_tokens": .int(Int128(random.next() % 4)),
    ]
    if random.coin() { row["output_tokens"] = .int(Int128(random.next() % 3)) }
    if random.next() % 5 > 0 { row["org"] = TestRows.text("org-\(random.next() % 2)") }
    if random.next() % 8 > 0 { row["event_id"] = TestRows.text("id-\(random.next() % 40)") }
    return row
  }

  @Test(arguments: 1...6)
  func whatStaysIsTheRuleWhereverTheEarlierRowIs(_ seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    var fileSystem = MemoryFileSystem()
    var store = try IngestFixture.open(fileSystem)
    var model = Model()
    var duplicateCount = 0
    for number in 0..<80 {
      let rows = (0..<Int(random.next() % 6) + 1).map { Self.row(number * 10 + $0, &random) }
      let receipt = try store.append(TestRows.batch(rows))
      #expect(receipt.acceptedCount + receipt.duplicateCount == rows.count)
      duplicateCount += receipt.duplicateCount
      for row in rows { model.append(row) }
      #expect(duplicateCount == model.duplicateCount, "batch \(number)")
      switch random.next() % 12 {
      case 0: try store.flush()
      case 1:
        fileSystem = fileSystem.afterKill()
        store = try IngestFixture.open(fileSystem)
      case 2:
        try store.close()
        store = try IngestFixture.open(fileSystem)
      default: break
      }
      #expect(try IngestFixture.sequences(store.snapshot()) == model.sequences, "batch \(number)")
    }
    try store.close()
  }

  @Test func aRowReplacedWhileItsSegmentIsWrittenDiesThere() throws {
    let fileSystem = MemoryFileSystem()
    let store = try IngestFixture.open(fileSystem)
    func row(_ number: Int, tokens: Int) -> TestRow {
      [
        "time": .timestamp(20_454 * Day.microsecondsPerDay), "sequence": .int(Int128(number)),
        "event_id": TestRows.text("same"), "input_tokens": .int(Int128(tokens)),
      ]
    }
    _ = try store.append(TestRows.batch([row(1, tokens: 5)]))
    // The flush finds the disk full and is tried again after the row was replaced.
    fileSystem.inject(MemoryFileSystem.Fault(firstCall: 1, isLasting: true, number: 28))
    #expect(throws: TallyError.self) { try store.flush() }
    fileSystem.inject(nil)
    _ = try store.append(TestRows.batch([row(2, tokens: 5)]))
    #expect(try IngestFixture.sequences(store.snapshot()) == [2])
    try store.flush()
    #expect(try IngestFixture.sequences(store.snapshot()) == [2])
    let killed = try IngestFixture.open(fileSystem.afterKill())
    #expect(try IngestFixture.sequences(killed.snapshot()) == [2])
    try store.close()
    let again = try IngestFixture.open(fileSystem)
    #expect(try IngestFixture.sequences(again.snapshot()) == [2])
  }
}
