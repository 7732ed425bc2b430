import TallyBase
import TallyStorage
import TallyTestSupport
import Testing

/// Few dead rows are kept in another way than many; nobody can tell.
struct DeletedRowsTests {
  @Test(
    "A set of rows, from none to all",
    arguments: [1, 63, 64, 65, 640, 5_000], [0, 1, 2, 30, 300, 5_000])
  func agreesWithASet(rowCount: Int, deadCount: Int) throws {
    var random = SplitMix64(seed: UInt64(rowCount * 7 + deadCount))
    var expected: Set<Int> = []
    var rows = DeletedRows(rowCount: rowCount)
    for _ in 0..<deadCount {
      let row = Int.random(in: 0..<rowCount, using: &random)
      #expect(rows.insert(row) == expected.insert(row).inserted)
    }
    try expectEqual(rows, expected, &random)
    // The order in which rows die is of no account.
    var again = DeletedRows(rowCount: rowCount)
    for row in expected.shuffled(using: &random) { again.insert(row) }
    #expect(again == rows)
    #expect(again.hashValue == rows.hashValue)
    try expectSameOnDisk(rows)
  }

  private func expectEqual(
    _ rows: DeletedRows, _ expected: Set<Int>, _ random: inout SplitMix64
  ) throws {
    #expect(rows.count == expected.count)
    #expect(rows.isEmpty == expected.isEmpty)
    #expect(rows.rows == expected.sorted())
    #expect((0..<rows.rowCount).allSatisfy { rows.contains($0) == expected.contains($0) })
    for _ in 0..<50 {
      let lower = Int.random(in: 0...rows.rowCount, using: &random)
      let range = lower..<Int.random(in: lower...rows.rowCount, using: &random)
      let dead = range.filter(expected.contains)
      #expect(rows.count(in: range) == dead.count)
      #expect(rows.intersects(range) == !dead.isEmpty)
      var survivors = [UInt16](repeating: 0, count: max(1, range.count))
      let count = unsafe survivors.withUnsafeMutableBufferPointer { target -> Int in
        // SAFETY: there is room for an entry of each row.
        guard let base = target.baseAddress else { return 0 }
        return unsafe rows.survivors(of: range, into: base)
      }
      let living = range.filter { !expected.contains($0) }.map { UInt16($0 - lower) }
      #expect(Array(survivors.prefix(count)) == living)
    }
  }

  private func expectSameOnDisk(_ rows: DeletedRows) throws {
    guard !rows.isEmpty else { return }
    let day = Day(number: 3)
    var edit = ManifestEdit()
    edit.segmentsAdded = [
      SegmentInfo(
        id: 5, day: day, rowCount: rows.rowCount, byteCount: 100,
        timeMinimum: day.startMicroseconds, timeMaximum: day.startMicroseconds)
    ]
    edit.deletedRows = [5: rows]
    var reader = ByteReader(edit.encode(), subject: "an edit")
    #expect(try ManifestEdit(decoding: &reader).deletedRows == [5: rows])
  }

  @Test("Unions of few and many", arguments: [0, 2, 40, 900], [0, 2, 40, 900])
  func unions(leftCount: Int, rightCount: Int) throws {
    var random = SplitMix64(seed: UInt64(leftCount * 31 + rightCount))
    var sets: [Set<Int>] = []
    var all: [DeletedRows] = []
    for count in [leftCount, rightCount] {
      var rows = DeletedRows(rowCount: 3_000)
      var set: Set<Int> = []
      for _ in 0..<count {
        let row = Int.random(in: 0..<3_000, using: &random)
        rows.insert(row)
        set.insert(row)
      }
      sets.append(set)
      all.append(rows)
    }
    var union = all[0]
    union.formUnion(all[1])
    try expectEqual(union, sets[0].union(sets[1]), &random)
    var other = all[1]
    other.formUnion(all[0])
    #expect(union == other)
  }
}
