import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Rows that replace others while the others' segments are merged.
@Suite("Compaction during ingest")
struct CompactionIngestTests {
  private static func row(_ number: Int, _ random: inout SplitMix64) -> TestRow {
    let day = Int64(20_454 + Int(random.next() % 2))
    return [
      "time": .timestamp(day * Day.microsecondsPerDay + Int64(random.next() % 1_000)),
      "sequence": .int(Int128(number)), "input_tokens": .int(Int128(random.next() % 4)),
      "org": TestRows.text("org-\(random.next() % 2)"),
      "event_id": TestRows.text("id-\(random.next() % 60)"),
    ]
  }

  private static func options() -> Store.Options {
    var options = IngestFixture.options()
    options.compaction.quietSeconds = 0
    options.compaction.segmentRowCountMax = 64
    return options
  }

  @Test(
    "Deletions that only the write buffer knows of follow their rows",
    arguments: 1...4)
  func pendingDeletions(seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    var system = MemoryFileSystem()
    var store = try IngestFixture.open(system, options: Self.options())
    var model = DuplicateIngestTests.Model()
    var rewrittenRowCount = 0
    for number in 0..<60 {
      let rows = (0..<5).map { Self.row(number * 10 + $0, &random) }
      _ = try store.append(TestRows.batch(rows))
      for row in rows { model.append(row) }
      switch random.next() % 6 {
      case 0, 1: try store.flush()
      case 2: while try store.maintaining({ store.compactOnce() }) {}
      case 3 where number % 3 == 0:
        rewrittenRowCount += store.rewrittenRowCount
        system = system.afterKill()
        store = try IngestFixture.open(system, options: Self.options())
      default: break
      }
      #expect(try IngestFixture.sequences(store.snapshot()) == model.sequences, "batch \(number)")
    }
    rewrittenRowCount += store.rewrittenRowCount
    #expect(rewrittenRowCount > 0)
    #expect(store.maintenanceFailure == nil)
    try store.compact()
    #expect(try IngestFixture.sequences(store.snapshot()) == model.sequences)
    try store.close()
    let again = try IngestFixture.open(system, options: Self.options())
    #expect(try IngestFixture.sequences(again.snapshot()) == model.sequences)
    try again.close()
  }

  @Test("Appends, flushes and queries beside a compacting thread agree with the rule")
  func besideThread() throws {
    let system = MemoryFileSystem()
    var options = Self.options()
    options.isCompacting = true
    let store = try IngestFixture.open(system, options: options)
    var random = SplitMix64(seed: 11)
    var model = DuplicateIngestTests.Model()
    for number in 0..<150 {
      let rows = (0..<4).map { Self.row(number * 10 + $0, &random) }
      _ = try store.append(TestRows.batch(rows))
      for row in rows { model.append(row) }
      if number % 3 == 0 { try store.flush() }
      if number % 5 == 0 {
        #expect(try IngestFixture.sequences(store.snapshot()) == model.sequences, "\(number)")
      }
    }
    #expect(store.maintenanceFailure == nil)
    #expect(store.rewrittenRowCount > 0)
    try store.close()
    let again = try IngestFixture.open(system)
    #expect(try IngestFixture.sequences(again.snapshot()) == model.sequences)
    try again.close()
  }
}
