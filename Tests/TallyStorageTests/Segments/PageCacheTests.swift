import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// What is kept in memory of segments, and how much.
@Suite struct PageCacheTests {
  /// A segment of 40 columns of one page each, all of about the same size.
  private struct Fixture {
    static let columnCount = 40
    static let rowCount = 2_048
    let columns: [SegmentColumnData]
    let bytes: [UInt8]

    init(seed: UInt64) throws {
      var random = SplitMix64(seed: seed)
      columns = (0..<Fixture.columnCount).map { id in
        SegmentRoundTrip.integers(
          id, (0..<Fixture.rowCount).map { _ in Int64(random.next() % 65_521) })
      }
      bytes = try SegmentWriter.encode(
        day: SegmentRoundTrip.day, rowCount: Fixture.rowCount, columns: columns)
    }

    func reader(_ cache: PageCache, id: UInt64 = 1) -> SegmentReader {
      SegmentReader(
        info: SegmentInfo(
          id: id, day: SegmentRoundTrip.day, rowCount: Fixture.rowCount,
          byteCount: Int64(bytes.count), timeMinimum: 0, timeMaximum: 0),
        path: "memory.seg", fileSystem: ByteArrayFileSystem(bytes: bytes), cache: cache)
    }

    func scan(_ reader: SegmentReader) throws {
      for column in 0..<Fixture.columnCount {
        _ = try reader.page(column: column, rowGroup: 0, index: 0)
      }
    }

    /// Bytes of all pages in memory.
    func pageByteCount() throws -> Int {
      let cache = PageCache(byteCountMax: 64 << 20)
      try scan(reader(cache))
      return cache.statistics.byteCount
    }
  }

  /// A cache whose pages may take a share of those of the fixture.
  private func cache(percent: Int, of byteCount: Int) -> PageCache {
    PageCache(byteCountMax: byteCount * percent / 100 * 16 / 9 + 16)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func boundIsKeptWhateverIsReadAndSet(seed: UInt64) throws {
    let fixture = try Fixture(seed: seed)
    var random = SplitMix64(seed: seed)
    let cache = PageCache(byteCountMax: 100_000)
    let readers = (1...3).map { fixture.reader(cache, id: UInt64($0)) }
    let bounds = [0, 1, 5_000, 30_000, 100_000, 250_000, 1 << 20, 200 << 20]
    for _ in 0..<600 {
      if random.next() % 20 == 0 {
        cache.resize(to: bounds[Int(random.next() % UInt64(bounds.count))])
        #expect(cache.byteCount <= cache.byteCountMax)
      }
      let column = Int(random.next() % UInt64(Fixture.columnCount))
      let page = try readers[Int(random.next() % 3)].page(column: column, rowGroup: 0, index: 0)
      #expect(cache.byteCount <= cache.byteCountMax)
      guard random.next() % 16 == 0, case .int64(let values) = fixture.columns[column].values
      else { continue }
      #expect(SegmentRoundTrip.wideValues(page) == values)
    }
  }

  @Test func withoutAByteNothingIsKept() throws {
    let fixture = try Fixture(seed: 5)
    let cache = PageCache(byteCountMax: 0)
    let reader = fixture.reader(cache)
    for _ in 0..<2 { try fixture.scan(reader) }
    let statistics = cache.statistics
    #expect(statistics.pageCount == 0 && statistics.hitCount == 0)
    #expect(statistics.missCount == 2 * Fixture.columnCount)
  }

  /// A ring alone would throw out every page just before it is read again.
  @Test(arguments: [25, 50, 80])
  func scanOfMoreThanThereIsRoomForFindsAPart(percent: Int) throws {
    let fixture = try Fixture(seed: 6)
    let cache = cache(percent: percent, of: try fixture.pageByteCount())
    let reader = fixture.reader(cache)
    for _ in 0..<10 { try fixture.scan(reader) }
    let before = cache.statistics
    for _ in 0..<30 { try fixture.scan(reader) }
    let found = cache.statistics.hitCount - before.hitCount
    #expect(found * 100 > 30 * Fixture.columnCount * percent * 6 / 10, "\(found) found")
  }

  /// One scan of much leaves pages that are in use where they are.
  @Test func pagesInUseOutliveAScan() throws {
    let fixture = try Fixture(seed: 7)
    let cache = cache(percent: 100, of: try fixture.pageByteCount())
    let used = fixture.reader(cache, id: 1)
    for _ in 0..<4 { try fixture.scan(used) }
    for id in 2...6 { try fixture.scan(fixture.reader(cache, id: UInt64(id))) }
    let before = cache.statistics
    try fixture.scan(used)
    #expect(cache.statistics.hitCount - before.hitCount > Fixture.columnCount * 9 / 10)
  }

  /// What was read often once gives way to what is read now.
  @Test func anotherWorkingSetTakesOver() throws {
    let fixture = try Fixture(seed: 8)
    let cache = cache(percent: 110, of: try fixture.pageByteCount())
    let (old, new) = (fixture.reader(cache, id: 1), fixture.reader(cache, id: 2))
    for _ in 0..<50 { try fixture.scan(old) }
    for _ in 0..<60 { try fixture.scan(new) }
    let before = cache.statistics
    for _ in 0..<4 { try fixture.scan(new) }
    let found = cache.statistics.hitCount - before.hitCount
    #expect(found > 4 * Fixture.columnCount * 9 / 10, "\(found) found")
  }

  @Test func pagesStayWhenThereIsMoreRoom() throws {
    let fixture = try Fixture(seed: 9)
    let cache = PageCache(byteCountMax: 4 << 20)
    let reader = fixture.reader(cache)
    try fixture.scan(reader)
    for byteCountMax in [8 << 20, 200 << 20, 1 << 30, 4 << 20] {
      cache.resize(to: byteCountMax)
      #expect(cache.statistics.pageCount == Fixture.columnCount)
      let before = cache.statistics
      try fixture.scan(reader)
      #expect(cache.statistics.hitCount - before.hitCount == Fixture.columnCount)
      #expect(cache.statistics.evictionCount == 0)
    }
  }

  /// Segments that are gone leave no page behind, be it compaction or erasure that took them.
  @Test func pagesOfSegmentsThatAreGoneAreForgotten() throws {
    let store = try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    for seed in [1, 2] as [UInt64] {
      var rows = EventRows(seed: seed)
      rows.days = [0]
      let load = try store.beginImport()
      try load.add(TestRows.batch(rows.next(200)))
      _ = try load.commit()
    }
    func read() throws {
      let snapshot = try store.snapshot()
      for reader in snapshot.segments {
        for id in snapshot.schema.columns.indices {
          _ = try SegmentRoundTrip.pages(reader, column: id)
        }
      }
    }
    store.pageCache.removeAll()
    try read()
    #expect(store.pageCache.statistics.pageCount > 0)
    try store.compact(days: Set(try store.snapshot().segments.infos.map(\.day)))
    #expect(try store.snapshot().segments.count == 1)
    #expect(store.pageCache.statistics.pageCount == 0)
    try store.close()
  }
}
