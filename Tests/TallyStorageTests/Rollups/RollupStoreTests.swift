import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Rollups through the life of a store: whoever writes a segment makes them anew, verification
/// finds what is wrong with them, and repair puts it right.
@Suite struct RollupStoreTests {
  private let system = MemoryFileSystem()

  private func open() throws -> Store {
    try Store.open(
      "/s", mode: .readWrite(creating: true), fileSystem: system,
      options: CompactionScenario.options())
  }

  /// Rows of one day.
  private func rows(_ count: Int, seed: UInt64) -> [TestRow] {
    var random = SplitMix64(seed: seed)
    return TestRows.random(count, dayCount: 1, from: Int(seed) * count, &random)
  }

  private func catalogs(_ store: Store) throws -> [RollupCatalog?] {
    try store.snapshot().segments.map { try $0.rollups()?.catalog }
  }

  @Test func everyWriterMakesThem() throws {
    let store = try open()
    try CompactionScenario.load(rows(8_200, seed: 1), into: store)
    #expect(try catalogs(store).map { $0 != nil } == [true])
    _ = try store.append(TestRows.batch(rows(8_200, seed: 2)))
    try store.flush()
    #expect(try catalogs(store).map { $0 != nil } == [true, true])
    #expect(try Verifying.run(store).findings == [])
    try CompactionScenario.deleteSome(store, oneIn: 5, seed: 3)
    try store.compact()
    let reader = try #require(try store.snapshot().segments.first)
    #expect(try catalogs(store).count == 1)
    let directory = try #require(try reader.rollups())
    let counts = try reader.rollup(0).rowCounts()
    #expect(directory.count > 1 && counts.reduce(0, +) == Int64(reader.info.rowCount))
    #expect(try Verifying.run(store).needsRepair == [])
    try store.close()
  }

  /// After an erasure no rollup knows the person.
  @Test func erasureMakesThemAnew() throws {
    let store = try open()
    try CompactionScenario.load(rows(8_200, seed: 4), into: store)
    func users() throws -> Int {
      let reader = try #require(try store.snapshot().segments.first)
      let directory = try #require(try reader.rollups())
      let index = directory.catalog.definitions.firstIndex { $0.distinct != nil }
      let bitmaps = try reader.rollup(try #require(index)).bitmaps()
      var all = CodeBitmap()
      for bitmap in bitmaps { all.formUnion(bitmap) }
      return all.count
    }
    let before = try users()
    _ = try store.erase(ErasureRequest(identity: "user-7"))
    #expect(try users() == before - 1)
    #expect(try Verifying.run(store).needsRepair == [])
    try store.close()
  }

  @Test func damageIsFoundAndPutRight() throws {
    let store = try open()
    try CompactionScenario.load(rows(8_200, seed: 5), into: store)
    let reader = try #require(try store.snapshot().segments.first)
    let sections = try reader.footer().sections
    let expected = try CrashScenario.normalized(TestRows.readLiving(store.snapshot()))
    try store.close()
    for type in [SectionType.rollups, .rollupPages] {
      let section = try #require(sections.first { $0.type == type.rawValue })
      let copy = system.afterKill()
      Verifying.flip(copy, reader.path.string, Int(section.offset) + section.storedByteCount / 2)
      for isDeep in [false, true] {
        let outcome = try Verifying.run(copy, isDeep: isDeep)
        #expect(outcome.summary.damageCount == 0 && outcome.summary.derivedCount > 0)
      }
      let damaged = try Store.open(
        "/s", mode: .readWrite(creating: false), fileSystem: copy,
        options: CompactionScenario.options())
      _ = try damaged.repair(RepairOptions()) { _ in }
      #expect(try Verifying.run(damaged).needsRepair == [])
      #expect(
        try CrashScenario.normalized(TestRows.readLiving(damaged.snapshot())) == expected)
      #expect(try catalogs(damaged).allSatisfy { $0 != nil })
      try damaged.close()
    }
  }
}
