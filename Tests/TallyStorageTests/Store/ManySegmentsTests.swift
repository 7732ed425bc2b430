import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Stores of many segments: what is asked for costs, what is not asked for does not.
struct ManySegmentsTests {
  private static func row(day: Int, _ sequence: Int) -> TestRow {
    [
      "time": .timestamp(Int64(20_454 + day) * Day.microsecondsPerDay),
      "org": TestRows.text("acme"), "event_id": TestRows.text("event \(sequence)"),
      "sequence": .int(Int128(sequence)),
    ]
  }

  /// A store at rest with one segment a day.
  private static func files(dayCount: Int) throws -> MemoryFileSystem {
    let system = MemoryFileSystem()
    let store = try IngestFixture.open(system)
    _ = try store.append(TestRows.batch((0..<dayCount).map { row(day: $0, $0) }))
    try store.close()
    return system
  }

  private static func open(
    _ system: MemoryFileSystem, _ mode: Store.Mode = .readWrite(creating: false)
  ) throws -> Store {
    try Store.open(
      IngestFixture.path, mode: mode, fileSystem: system, options: IngestFixture.options())
  }

  private static func callCount(
    _ system: MemoryFileSystem, _ body: () throws -> Void
  ) rethrows -> Int {
    let before = system.callCount
    try body()
    return system.callCount - before
  }

  // MARK: Calls to the file system

  @Test("Opening, reading a day and flushing one make as many calls in 150 days as in 3")
  func callsDoNotGrow() throws {
    let counts = try [3, 150].map { dayCount -> [Int] in
      let system = try Self.files(dayCount: dayCount)
      var counts: [Int] = []
      for mode in [Store.Mode.readOnly, .readWrite(creating: false)] {
        var opened: Store?
        counts.append(try Self.callCount(system) { opened = try Self.open(system, mode) })
        let store = try #require(opened)
        let snapshot = try store.snapshot()
        counts.append(
          try Self.callCount(system) {
            let day = Day(number: 20_455)
            let found = snapshot.segments.segments(of: day...day)
            #expect(found.count == 1)
            for reader in found { _ = try reader.footer() }
          })
        if mode != .readOnly {
          // The first flush writes a whole manifest, the second a frame of one.
          for sequence in 1_000..<1_002 {
            _ = try store.append(TestRows.batch([Self.row(day: 1, sequence)]))
            counts.append(try Self.callCount(system) { try store.flush() })
          }
        }
        try store.close()
      }
      return counts
    }
    #expect(counts[0] == counts[1])
  }

  // MARK: Readers

  @Test("States share the readers of their segments; those of removed ones go with their users")
  func readersAreShared() throws {
    let system = try Self.files(dayCount: 4)
    let store = try Self.open(system)
    for sequence in 10..<12 {
      _ = try store.append(TestRows.batch([Self.row(day: 1, sequence)]))
      try store.flush()
    }
    var old: StoreSnapshot? = try store.snapshot()
    let first = try #require(old?.segments.first)
    weak let removed = old?.segments[2]
    #expect(removed?.info.day == Day(number: 20_455))
    #expect(try removed?.footer().rowCount == 1)
    let before = try IngestFixture.sequences(#require(old))
    try store.compact()
    let new = try store.snapshot()
    #expect(new.segments.count == 4)
    #expect(new.segments.first === first)
    #expect(old?.segments.first === first)
    // An earlier state reads what it has, and nothing of it stays.
    #expect(try IngestFixture.sequences(#require(old)) == before)
    weak let again = old?.segments[2]
    old = nil
    #expect(removed == nil)
    #expect(again == nil)
    #expect(try IngestFixture.sequences(new) == before)
    try store.close()
  }

  @Test("A reader that refreshes keeps what is open and lets go of what was compacted")
  func refreshKeepsReaders() throws {
    let system = try Self.files(dayCount: 3)
    let writer = try Self.open(system)
    _ = try writer.append(TestRows.batch([Self.row(day: 2, 10)]))
    try writer.flush()
    let store = try Self.open(system, .readOnly)
    let first = try #require(try store.snapshot().segments.first)
    weak let removed = try store.snapshot().segments[3]
    #expect(removed != nil)
    try writer.compact()
    let snapshot = try store.refresh()
    #expect(snapshot.segments.first === first)
    #expect(removed == nil)
    #expect(try IngestFixture.sequences(snapshot) == [0, 1, 2, 10])
    try store.close()
    try writer.close()
  }

  // MARK: Lists

  @Test("Committed segments and those in memory are one list, by day, then id")
  func residentSegmentsAreInPlace() throws {
    let system = try Self.files(dayCount: 9)
    let store = try Self.open(system)
    for day in [0, 4, 4, 8, 12] {
      _ = try store.append(TestRows.batch([Self.row(day: day, 100 + day)]))
    }
    let segments = try store.snapshot().segments
    #expect(segments.count == 13)
    #expect(segments.rowCount == 9 + 4)
    let infos = segments.map(\.info)
    #expect(Array(segments.infos) == infos)
    #expect(infos.map(\.day.number) == infos.map(\.day.number).sorted())
    for first in 20_450..<Int32(20_470) {
      for last in first..<20_470 {
        let days = Day(number: first)...Day(number: last)
        let found = segments.positions(of: days)
        #expect(found.map { segments[$0].info } == infos.filter { days.contains($0.day) })
      }
    }
    try store.close()
  }

  @Test("Whatever the order in which segments come and go, the manifest lists them by day and id")
  func editsKeepTheOrder() throws {
    var random = SplitMix64(seed: 17)
    var manifest = Manifest(storeID: StoreID(high: 1, low: 2))
    var model: [SegmentInfo] = []
    var nextID: UInt64 = 1
    for _ in 0..<300 {
      var edit = ManifestEdit()
      let addedCount = random.next() % 20 == 0 ? 40 : Int.random(in: 0...4, using: &random)
      for _ in 0..<addedCount {
        let day = Day(number: Int32.random(in: 0..<40, using: &random))
        let lsn = UInt64.random(in: 1...90, using: &random)
        edit.segmentsAdded.append(
          SegmentInfo(
            id: nextID, day: day, rowCount: 1 + Int(nextID), byteCount: 100,
            timeMinimum: day.startMicroseconds, timeMaximum: day.startMicroseconds,
            logRange: random.coin() ? lsn...(lsn + 3) : nil))
        nextID += UInt64.random(in: 1...3, using: &random)
      }
      edit.segmentsAdded.shuffle(using: &random)
      let divisor = random.next() % 20 == 0 ? 2 : 30 as UInt64
      edit.segmentsRemoved = model.map(\.id).filter { _ in random.next() % divisor == 0 }
      edit.segmentsRemoved.shuffle(using: &random)
      model.removeAll { edit.segmentsRemoved.contains($0.id) }
      model += edit.segmentsAdded
      model.sort { ($0.day, $0.id) < ($1.day, $1.id) }
      manifest = try manifest.applying(edit)
      #expect(manifest.segments == model)
    }
    let bytes = ManifestFile.encode(manifest, number: 3)
    let current = CurrentFile(manifestNumber: 3, base: bytes)
    #expect(try ManifestFile.decode(bytes, current: current) == manifest)
  }

  @Test("Log ranges find their segments in any order")
  func logRangesInAnyOrder() throws {
    let day = Day(number: 3)
    let ids: [UInt64] = [5, 2, 9, 4]
    var edit = ManifestEdit()
    edit.segmentsAdded = ids.map { id in
      SegmentInfo(
        id: id, day: day, rowCount: 1, byteCount: 100, timeMinimum: day.startMicroseconds,
        timeMaximum: day.startMicroseconds)
    }
    var writer = ByteWriter()
    writer.append(contentsOf: edit.encode())
    var body = ByteWriter()
    let ranges: [(id: UInt64, first: UInt64)] = [(9, 90), (4, 40), (77, 1), (5, 50)]
    body.appendVarint(ranges.count)
    for range in ranges {
      body.appendVarint(range.id)
      body.appendVarint(range.first)
      body.appendVarint(UInt64(1))
    }
    writer.append(UInt16(12))
    writer.append(UInt16(1))
    writer.append(UInt32(body.count))
    writer.append(contentsOf: body.bytes)
    var reader = ByteReader(writer.bytes, subject: "an edit")
    let read = try ManifestEdit(decoding: &reader)
    #expect(read.segmentsAdded.map(\.logRange) == [50...51, nil, 90...91, 40...41])
  }
}
