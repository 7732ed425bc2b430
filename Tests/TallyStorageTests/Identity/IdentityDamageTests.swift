import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// The index of event ids is derived data: whatever becomes of it, no event is missed or invented.
@Suite struct IdentityDamageTests {
  private let events: [TestRow]
  private let system = MemoryFileSystem()
  private let reader: SegmentReader
  private let section: SectionEntry

  init() throws {
    var rows = EventRows(seed: 11)
    rows.days = [0]
    rows.idCount = 1_000_000
    events = rows.next(60)
    let store = try Store.open("/s", mode: .readWrite(creating: true), fileSystem: system)
    let load = try store.beginImport()
    try load.add(TestRows.batch(events))
    _ = try load.commit()
    reader = try #require(try store.snapshot().segments.first)
    section = try #require(
      reader.footer().sections.first { $0.type == SectionType.identities.rawValue })
    try store.close()
  }

  private func flip(_ offset: Int64) throws {
    let file = try system.open(reader.path, .readWrite)
    let byte = try file.readBytes(count: 1, at: offset)
    try file.write(byte.map { $0 ^ 0x21 }, at: offset)
    try file.close()
  }

  private func snapshot() throws -> StoreSnapshot {
    try Store.open("/s", mode: .readOnly, fileSystem: system).snapshot()
  }

  @Test func everyFlippedByteIsHarmless() throws {
    let expected = events.filter { $0["event_id"] != nil }.count
    var strangers = EventRows(seed: 12)
    strangers.idCount = 1_000_000
    let others = strangers.next(20)
    for index in -1..<Int64(section.storedByteCount) {
      if index >= 0 { try flip(section.offset + index) }
      let snapshot = try snapshot()
      #expect(try snapshot.matches(for: snapshot.keys(events)).count == expected, "byte \(index)")
      #expect(try snapshot.matches(for: snapshot.keys(others)).isEmpty, "byte \(index)")
      if index >= 0 { try flip(section.offset + index) }
    }
  }

  /// New events are told from old ones without a look at the pages.
  @Test func pagesAreReadOnlyWhereAFingerprintAgrees() throws {
    let ids = try #require(reader.footer().column(id: Schema.eventIDColumnID))
    try flip(try #require(ids.chunks.first?.pages.first).offset + 9)
    var strangers = EventRows(seed: 13)
    strangers.idCount = 1_000_000
    let snapshot = try snapshot()
    #expect(try snapshot.matches(for: snapshot.keys(strangers.next(200))).isEmpty)
    let error = #expect(throws: TallyError.self) {
      try snapshot.matches(for: snapshot.keys(events))
    }
    #expect(error?.code == .corruption)
  }

  @Test func segmentsWithoutIDsHaveNoSection() throws {
    let store = try Store.open(
      "/t", mode: .readWrite(creating: true), fileSystem: MemoryFileSystem())
    let load = try store.beginImport()
    try load.add(TestRows.batch(events.map { $0.filter { $0.key != "event_id" } }))
    _ = try load.commit()
    let reader = try #require(try store.snapshot().segments.first)
    #expect(try reader.footer().sections.count == 3)
  }
}
