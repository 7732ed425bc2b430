import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// Stores of several small segments a day, some rows of them dead.
enum CompactionScenario {
  static let writing = Store.Mode.readWrite(creating: true)

  /// Small segments, so that few rows make several.
  static func options(segmentRowCountMax: Int = 1 << 20) -> Store.Options {
    var options = Store.Options()
    options.isFlushingInBackground = false
    options.compaction.segmentRowCountMax = segmentRowCountMax
    options.compaction.quietSeconds = 0
    return options
  }

  /// One segment a day of `rows`.
  static func load(_ rows: [TestRow], into store: Store) throws {
    var options = BulkImport.Options()
    options.threadCount = 1
    options.ingestedAtMicroseconds = 1
    let bulk = try store.beginImport(options: options)
    try bulk.add(TestRows.batch(rows))
    _ = try bulk.commit()
  }

  /// Rows of several imports; columns beyond the standard ones in some of them only.
  static func imports(_ count: Int, rowCount: Int, seed: UInt64) -> [[TestRow]] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { number in
      var rows = TestRows.random(
        rowCount, dayCount: 2, from: number * rowCount, &random)
      guard number % 2 == 1 else { return rows }
      for index in rows.indices where random.coin() {
        rows[index]["tag"] = TestRows.text("tag-\(random.next() % 5)")
        rows[index]["score"] = .double(Double(random.next() % 100) / 4)
        if random.coin() { rows[index]["requests"] = .int(3) }
      }
      return rows
    }
  }

  /// Marks about one row in `divisor` dead.
  static func deleteSome(_ store: Store, oneIn divisor: Int, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var rows: [UInt64: DeletedRows] = [:]
    for reader in try store.snapshot().segments {
      var dead = DeletedRows(rowCount: reader.info.rowCount)
      for row in 0..<reader.info.rowCount where Int.random(in: 0..<divisor, using: &random) == 0 {
        dead.insert(row)
      }
      rows[reader.info.id] = dead
    }
    try store.deleteRows(rows)
  }

  /// Rows that live, by their unique number.
  static func rows(_ snapshot: StoreSnapshot) throws -> [TestRow] {
    let all = try TestRows.read(snapshot)
    var first = 0
    var live: [TestRow] = []
    for reader in snapshot.segments {
      let dead = snapshot.deletedRows[reader.info.id]
      for row in 0..<reader.info.rowCount where dead?.contains(row) != true {
        live.append(all[first + row])
      }
      first += reader.info.rowCount
    }
    return CrashScenario.normalized(live)
  }

  static func rows(_ system: MemoryFileSystem) throws -> [TestRow] {
    let store = try Store.open("/s", mode: .readOnly, fileSystem: system)
    return try rows(store.snapshot())
  }

  static func segmentCount(_ system: MemoryFileSystem) -> Int {
    system.filePaths.count { $0.hasSuffix(".seg") }
  }
}
