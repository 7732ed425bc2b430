import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// What ingest adds to the manifest survives on disk as it was.
struct ManifestIngestTests {
  private static func segment(_ id: UInt64, rows: Int) -> SegmentInfo {
    let day = Day(number: 20_000)
    return SegmentInfo(
      id: id, day: day, rowCount: rows, byteCount: 100, timeMinimum: day.startMicroseconds,
      timeMaximum: day.startMicroseconds + 5, logRange: id == 1 ? 7...9 : nil)
  }

  private static func edit() -> ManifestEdit {
    var edit = ManifestEdit()
    edit.segmentsAdded = [segment(1, rows: 1_000), segment(2, rows: 65)]
    edit.appliedLSN = 9
    edit.producers = ["billing-1": ProducerMark(sequence: 41, timeMicroseconds: -5)]
    edit.counters = {
      var counters = IngestCounters()
      counters.acceptedCount = 1_065
      counters.duplicateCount = 3
      counters.rejectedCount = 1
      return counters
    }()
    edit.damagedSegments = [2: "page 0 of column 3 has a wrong checksum"]
    edit.dictionaryVersions = [5: 2]
    var rows = DeletedRows(rowCount: 1_000)
    for row in [0, 63, 64, 999] { rows.insert(row) }
    edit.deletedRows = [1: rows]
    return edit
  }

  @Test func statesAreTheSameAsOneEditOrAsSnapshot() throws {
    let empty = Manifest(storeID: StoreID(high: 1, low: 2))
    let state = try empty.applying(Self.edit())
    #expect(state.deletedRows[1]?.rows == [0, 63, 64, 999])
    #expect(state.appliedLSN == 9)
    let number: UInt64 = 3
    let bytes = ManifestFile.encode(state, number: number)
    let read = try ManifestFile.decode(
      bytes, current: CurrentFile(manifestNumber: number, base: bytes))
    #expect(read == state)
  }

  @Test func removedSegmentsTakeTheirDeletionsAlong() throws {
    var state = try Manifest(storeID: StoreID(high: 1, low: 2)).applying(Self.edit())
    var edit = ManifestEdit()
    edit.segmentsRemoved = [1, 2]
    state = try state.applying(edit)
    #expect(state.deletedRows.isEmpty)
    #expect(state.damagedSegments.isEmpty)
  }

  @Test func deletionsOfAnotherSegmentAreCorruption() throws {
    var edit = Self.edit()
    edit.deletedRows[2] = DeletedRows(rowCount: 64)
    #expect(throws: TallyError.self) {
      try Manifest(storeID: StoreID(high: 1, low: 2)).applying(edit)
    }
  }

  @Test func intersectionsAreThoseOfTheRows() {
    var random = SplitMix64(seed: 5)
    var rows = DeletedRows(rowCount: 300)
    var expected = Set<Int>()
    for _ in 0..<6 {
      let row = Int(random.next() % 300)
      #expect(rows.insert(row) == expected.insert(row).inserted)
    }
    for lower in 0..<300 {
      for upper in stride(from: lower, through: 300, by: 7) {
        #expect(
          rows.intersects(lower..<upper) == expected.contains { (lower..<upper).contains($0) })
      }
    }
    #expect(rows.rows == expected.sorted())
  }
}
