import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Leases and garbage")
struct LeaseTests {
  private func store(_ system: MemoryFileSystem) throws -> Store {
    try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system,
      options: CompactionScenario.options())
  }

  private func filled(_ system: MemoryFileSystem) throws -> Store {
    let store = try store(system)
    for rows in CompactionScenario.imports(3, rowCount: 30, seed: 4) {
      try CompactionScenario.load(rows, into: store)
    }
    return store
  }

  private func leases(_ system: MemoryFileSystem) throws -> [String] {
    try system.contents(ofDirectory: "/s/leases")
  }

  @Test("A reader keeps its files while the writer compacts, until it moves on or closes")
  func readerKeepsFiles() throws {
    let system = MemoryFileSystem()
    let writer = try filled(system)
    let reader = try Store.open("/s", mode: .readOnly, fileSystem: system)
    var old: StoreSnapshot? = try reader.snapshot()
    try writer.compact()
    #expect(CompactionScenario.segmentCount(system) == 8)
    #expect(writer.garbageCount == 6)
    let expected = try CompactionScenario.rows(writer.snapshot())
    #expect(try CompactionScenario.rows(try #require(old)) == expected)
    #expect(try CompactionScenario.rows(reader.refresh()) == expected)
    #expect(writer.collectGarbage() == 0)
    old = nil
    _ = try reader.refresh()
    #expect(writer.collectGarbage() == 6)
    #expect(CompactionScenario.segmentCount(system) == 2)
    #expect(try leases(system).count == 1)
    try reader.close()
    #expect(try leases(system).isEmpty)
    #expect(system.bytes(of: "/s/tmp/GARBAGE") == nil)
    try writer.close()
  }

  @Test("A snapshot of this process keeps its files, after the store is closed too")
  func snapshotKeepsFiles() throws {
    let system = MemoryFileSystem()
    let writer = try filled(system)
    var old: StoreSnapshot? = try writer.snapshot()
    try writer.compact()
    #expect(writer.garbageCount == 6)
    let expected = try CompactionScenario.rows(writer.snapshot())
    try writer.close()
    #expect(try CompactionScenario.rows(try #require(old)) == expected)
    old = nil
    #expect(system.bytes(of: "/s/tmp/GARBAGE") != nil)
    try store(system).close()
    #expect(CompactionScenario.segmentCount(system) == 2)
    #expect(system.bytes(of: "/s/tmp/GARBAGE") == nil)
  }

  @Test("A closed reader's snapshot keeps its files until it goes")
  func closedReader() throws {
    let system = MemoryFileSystem()
    let writer = try filled(system)
    let reader = try Store.open("/s", mode: .readOnly, fileSystem: system)
    var old: StoreSnapshot? = try reader.snapshot()
    try reader.close()
    try writer.compact()
    #expect(try CompactionScenario.rows(try #require(old)).count == 90)
    old = nil
    #expect(try leases(system).isEmpty)
    #expect(writer.collectGarbage() == 6)
    try writer.close()
  }

  @Test("The next writer respects leases, and works off what the last one left")
  func nextWriter() throws {
    let system = MemoryFileSystem()
    let writer = try filled(system)
    let reader = try Store.open("/s", mode: .readOnly, fileSystem: system)
    let old = try reader.snapshot()
    try writer.compact()
    try writer.close()
    // Segments that were moved and never committed do not excuse removing what is leased.
    try system.open("/s/tmp/IMPORT", .createNew).close()
    try system.open("/s/partitions/2026-01-01/00000099.seg", .createNew).close()
    let next = try store(system)
    #expect(system.bytes(of: "/s/partitions/2026-01-01/00000099.seg") == nil)
    #expect(next.garbageCount == 6)
    #expect(try CompactionScenario.rows(old).count == 90)
    try reader.close()
    withExtendedLifetime(old) {}
    try next.close()
  }

  @Test("A lease whose process has died does not block")
  func deadProcess() throws {
    let system = MemoryFileSystem()
    let writer = try filled(system)
    let reader = try Store.open("/s", mode: .readOnly, fileSystem: system)
    #expect(try leases(system).count == 1)
    try writer.close()
    // The kernel drops the locks of a killed process; its lease's name stays.
    let survivor = system.afterKill()
    let next = try store(survivor)
    #expect(try survivor.contents(ofDirectory: "/s/leases").count == 1)
    try next.compact()
    #expect(next.garbageCount == 0)
    #expect(try survivor.contents(ofDirectory: "/s/leases").isEmpty)
    try next.close()
    try reader.close()
  }

  @Test("A store that cannot be written to is read without a lease")
  func withoutLease() throws {
    let system = MemoryFileSystem()
    try filled(system).close()
    // The directory's place is taken: no lease can be made.
    for name in try leases(system) { try system.remove(FilePath("/s/leases/" + name)) }
    try system.removeDirectory("/s/leases")
    try system.open("/s/leases", .createNew).close()
    let reader = try Store.open("/s", mode: .readOnly, fileSystem: system)
    #expect(try CompactionScenario.rows(reader.snapshot()).count == 90)
    try reader.close()
  }

  @Test("Files that cannot be removed are removed later")
  func failingRemoval() throws {
    let system = MemoryFileSystem()
    let writer = try filled(system)
    let old = try writer.snapshot()
    try writer.compact()
    system.inject(MemoryFileSystem.Fault(firstCall: 1, isLasting: true, number: 5))
    #expect(writer.collectGarbage() == 0)
    system.inject(nil)
    withExtendedLifetime(old) {}
    try writer.close()
    try store(system).close()
    #expect(CompactionScenario.segmentCount(system) == 2)
  }
}
