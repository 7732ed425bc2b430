import TallyBase
import TallyStorage
import Testing

@Suite struct SegmentTests {
  private static let rowCount = 40_000

  private func workload() throws -> (bytes: [UInt8], columns: [SegmentColumnData]) {
    let columns = WorkloadDay(rowCount: SegmentTests.rowCount, seed: 1).columns()
    let bytes = try SegmentWriter.encode(
      day: WorkloadDay.day, rowCount: SegmentTests.rowCount, columns: columns)
    return (bytes, columns)
  }

  @Test func workloadStaysSmallAndIntact() throws {
    let (bytes, columns) = try workload()
    let reader = SegmentReader.over(
      bytes, day: WorkloadDay.day, rowCount: SegmentTests.rowCount)
    try reader.verify()
    let footer = try reader.footer()
    let rollups = footer.sections.filter { !$0.flags.contains(.required) }
    let rollupByteCount = rollups.reduce(0) { $0 + $1.storedByteCount }
    let rowByteCount = bytes.count - rollupByteCount
    // A tenth of a day: its users repeat less and its org runs are shorter than a day's.
    #expect(Double(rowByteCount) / Double(SegmentTests.rowCount) < 14.6)
    #expect(rollupByteCount > 0 && rollupByteCount < rowByteCount / 10 + 2_048)
    for data in columns {
      guard case .int64(let values) = data.values else { continue }
      let pages = try SegmentRoundTrip.pages(reader, column: data.column.id)
      if data.column.name == "requests" {
        #expect(pages.isEmpty)
        continue
      }
      #expect(pages.flatMap(SegmentRoundTrip.wideValues) == values, "\(data.column.name)")
      let zoneMap = try #require(footer.column(id: data.column.id)).zoneMap
      #expect(zoneMap.minimum == values.min())
      #expect(zoneMap.maximum == values.max())
      #expect(zoneMap.sum == values.reduce(Int128(0)) { $0 + Int128($1) })
    }
  }

  @Test func footerStaysSmall() throws {
    let (bytes, _) = try workload()
    let reader = SegmentReader.over(
      bytes, day: WorkloadDay.day, rowCount: SegmentTests.rowCount)
    let columns = try reader.describe().sections.first { $0.name == "columns" }
    // 15 columns of two pages; a whole day of eight pages a column takes four times as much.
    #expect(try #require(columns).entry.storedByteCount < 800)
  }

  @Test func descriptionAddsUpToTheFile() throws {
    let (bytes, _) = try workload()
    let reader = SegmentReader.over(
      bytes, day: WorkloadDay.day, rowCount: SegmentTests.rowCount)
    let description = try reader.describe(isChecking: true)
    let pageByteCount = description.columns.reduce(0) { $0 + $1.storedByteCount }
    #expect(pageByteCount + description.overheadByteCount == bytes.count)
    #expect(description.damagedPages.isEmpty)
    #expect(
      description.sections.map { $0.name }
        == ["rollupPages", "rollups", "properties", "columns", "dictionaries"])
  }

  @Test func descriptionNamesDamagedPages() throws {
    var (bytes, _) = try workload()
    bytes[5_000] ^= 4
    let reader = SegmentReader.over(
      bytes, day: WorkloadDay.day, rowCount: SegmentTests.rowCount)
    let damaged = try reader.describe(isChecking: true).damagedPages
    #expect(damaged.map { $0.columnID } == [0])
    guard case .damaged(let error)? = damaged.first?.page.state else { return }
    #expect(error.message.contains("checksum"))
  }

  @Test func sumsBeyond64BitsAreExact() throws {
    let values = [Int64](repeating: Int64.max, count: 5_000) + [Int64.max - 1]
    let reader = try SegmentRoundTrip.reader(
      [SegmentRoundTrip.integers(0, values)], rowCount: values.count)
    let footer = try reader.footer()
    #expect(footer.column(id: 0)?.zoneMap.sum == Int128(Int64.max) * 5_001 - 1)
  }

  @Test func cacheKeepsWithinItsBytesAndServesHits() throws {
    let (bytes, columns) = try workload()
    let cache = PageCache(byteCountMax: 2 << 20)
    let reader = SegmentReader.over(
      bytes, day: WorkloadDay.day, rowCount: SegmentTests.rowCount, cache: cache)
    for _ in 0..<3 {
      for column in columns { _ = try SegmentRoundTrip.pages(reader, column: column.column.id) }
    }
    let statistics = cache.statistics
    #expect(statistics.byteCount <= cache.byteCountMax)
    #expect(statistics.pageCount > 0)
    #expect(statistics.hitCount > 0)
    cache.removeAll()
    #expect(cache.statistics.byteCount == 0)
  }

  @Test func columnsThatContradictEachOtherAreRefused() {
    #expect(throws: TallyError.self) {
      try SegmentWriter.encode(
        day: SegmentRoundTrip.day, rowCount: 3, columns: [SegmentRoundTrip.integers(0, [1, 2])])
    }
    #expect(throws: TallyError.self) {
      try SegmentWriter.encode(
        day: SegmentRoundTrip.day, rowCount: 1,
        columns: [SegmentRoundTrip.integers(0, [1]), SegmentRoundTrip.integers(0, [1])])
    }
  }
}
