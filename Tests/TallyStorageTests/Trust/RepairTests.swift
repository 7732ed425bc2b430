import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Quarantine and repair")
struct RepairTests {
  private static let writing = Store.Mode.readWrite(creating: false)

  private func open(
    _ system: MemoryFileSystem, _ path: FilePath = "/s"
  ) throws -> Store {
    try Store.open(
      path, mode: Self.writing, fileSystem: system, options: CompactionScenario.options())
  }

  private func repair(
    _ store: Store, _ change: (inout RepairOptions) -> Void = { _ in }
  ) throws -> (actions: [RepairAction], summary: RepairSummary) {
    var options = RepairOptions()
    change(&options)
    var actions: [RepairAction] = []
    let summary = try store.repair(options) { actions.append($0) }
    return (actions, summary)
  }

  private func living(_ store: Store) throws -> [TestRow] {
    try CrashScenario.normalized(TestRows.readLiving(store.snapshot()))
  }

  /// Flips the first byte of a page of `column` in a segment.
  private func damagePage(
    _ system: MemoryFileSystem, _ reader: SegmentReader, column: Int = 0, rowGroup: Int = 0
  ) throws {
    let chunk = try #require(reader.footer().column(id: column)?.chunks[rowGroup])
    let offset = Int(try #require(chunk.pages.first).offset)
    system.damage(reader.path.string) { bytes in
      var changed = bytes
      changed[offset] ^= 0x40
      return changed
    }
  }

  // MARK: Quarantine

  @Test("A damaged segment is marked and kept; once its file is back, the mark goes")
  func quarantine() throws {
    let system = try Verifying.prepared()
    let store = try open(system)
    let reader = try #require(try store.snapshot().segments.first)
    let path = reader.path.string
    let intact = system.bytes(of: path)
    try damagePage(system, reader)
    let found = try Verifying.run(store).findings
    let changes = try store.quarantine(found)
    #expect(changes.marked == [reader.info.id])
    #expect(try store.snapshot().damagedSegments[reader.info.id]?.contains("checksum") == true)
    let name = "/s/quarantine/" + (path.split(separator: "/").last ?? "").dropLast(4)
    #expect(system.bytes(of: name + ".seg") == system.bytes(of: path))
    let report = String(decoding: system.bytes(of: name + ".json") ?? [], as: UTF8.self)
    #expect(report.contains("\"segment\": \(reader.info.id)"))
    #expect(report.contains("\"column\": \"time\""))
    // Nothing changes until something does.
    let again = try store.quarantine(try Verifying.run(store).findings)
    #expect(again.marked == [] && again.cleared == [])
    try store.close()
    let reopened = try open(system)
    #expect(try reopened.snapshot().damagedSegments.count == 1)
    system.damage(path) { _ in intact }
    let cleared = try reopened.quarantine(try Verifying.run(reopened).findings)
    #expect(cleared.cleared == [reader.info.id])
    #expect(try reopened.snapshot().damagedSegments == [:])
    #expect(try Verifying.run(reopened).findings == [])
    try reopened.close()
  }

  // MARK: Segments

  @Test("Derived data and headers are made anew without losing a row")
  func rebuilt() throws {
    let system = try Verifying.prepared()
    let expected = try living(try open(system.afterKill()))
    let store = try open(system)
    let readers = try store.snapshot().segments
    let entry = try #require(readers[0].footer().sections.first { $0.type == 4 })
    Verifying.flip(system, readers[0].path.string, Int(entry.offset) + 20)
    Verifying.flip(system, readers[1].path.string, 3)
    let dry = try repair(store) { $0.isDryRun = true }
    #expect(dry.actions.map(\.kind) == [.rebuilt, .rebuilt])
    #expect(try Verifying.run(store).findings.count == 2)
    let done = try repair(store)
    #expect(done.actions == dry.actions)
    #expect(try Verifying.run(store).needsRepair == [])
    #expect(try living(store) == expected)
    #expect(try repair(store).actions == [])
    try store.close()
  }

  @Test("What cannot be read is given up only by name; the rest stays, dead rows dead")
  func dropped() throws {
    let system = try Verifying.prepared()
    let store = try open(system)
    try CompactionScenario.deleteSome(store, oneIn: 5, seed: 3)
    let before = try store.snapshot()
    let damaged = Array(before.segments.prefix(2))
    let rest = try CrashScenario.normalized(
      TestRows.readLiving(before).filter { row in
        guard case .timestamp(let time)? = row["time"] else { return false }
        return Day(containing: time) != damaged[0].info.day
      })
    #expect(Set(damaged.map(\.info.day)).count == 1)
    for reader in damaged { try damagePage(system, reader, column: 1) }
    let refused = try repair(store)
    #expect(refused.actions.map(\.kind) == [.damaged, .damaged])
    #expect(refused.actions.allSatisfy { $0.message.contains("--drop") })
    #expect(try store.snapshot().damagedSegments.count == 2)
    #expect(try store.snapshot().segments.count == 4)
    #expect(throws: TallyError.self) { try repair(store) { $0.droppedSegments = [999] } }
    let one = try repair(store) { $0.droppedSegments = [damaged[0].info.id] }
    #expect(one.actions.map(\.kind) == [.salvaged, .damaged])
    let liveCount = before.rowCount - (try store.snapshot().rowCount)
    #expect(one.summary.lostRowCount == liveCount)
    #expect(one.actions[0].message.contains("rows are lost, from 2026-"))
    let all = try repair(store) { $0.dropsDamaged = true }
    #expect(all.summary.damagedCount == 0)
    #expect(try living(store) == rest)
    #expect(try Verifying.run(store).needsRepair == [])
    let names = system.filePaths.filter { $0.contains("/quarantine/") }
    #expect(names.count == 4)
    #expect(
      names.filter { $0.hasSuffix("json") }.allSatisfy {
        String(decoding: system.bytes(of: $0) ?? [], as: UTF8.self).contains("\"lost\"")
      })
    try store.close()
  }

  @Test("Of a large segment only the damaged row groups are given up")
  func rowGroups() throws {
    let system = MemoryFileSystem()
    let store = try Store.open("/s", mode: .readWrite(creating: true), fileSystem: system)
    let full = SegmentReader.rowGroupRowCount
    let count = 2 * full + 500
    let start: Int64 = 20_454 * Day.microsecondsPerDay
    var batch = EventBatch(rowCount: count)
    let numbers = (0..<Int64(count)).map { $0 }
    batch.columns = [
      EventColumn(
        name: "time", type: .timestamp, values: .int64(numbers.map { start + $0 * 1_000 })),
      EventColumn(name: "sequence", type: .int64, values: .int64(numbers)),
    ]
    let load = try store.beginImport()
    try load.add(batch)
    _ = try load.commit()
    let reader = try #require(try store.snapshot().segments.first)
    var dead = DeletedRows(rowCount: count)
    for row in [0, full, full + 7, 2 * full + 9] { dead.insert(row) }
    try store.deleteRows([reader.info.id: dead])
    try damagePage(system, reader, rowGroup: 1)
    let done = try repair(store) { $0.dropsDamaged = true }
    #expect(done.actions.map(\.kind) == [.salvaged])
    #expect(done.summary.lostRowCount == full - 2)
    #expect(done.actions[0].message.contains("row groups 1"))
    let expected = numbers.filter { number in
      !(full..<2 * full).contains(Int(number)) && !dead.contains(Int(number))
    }
    #expect(try IngestFixture.sequences(store.snapshot()) == expected.map { Int($0) })
    #expect(try Verifying.run(store).needsRepair == [])
    try store.close()
  }

  @Test("A segment whose records the log still has is made again, row by row")
  func replayed() throws {
    let system = MemoryFileSystem()
    let store = try IngestFixture.open(system)
    for number in 0..<8 {
      let rows = IngestFixture.rows(number).enumerated().map { index, row in
        row.merging(["event_id": TestRows.text("id-\(number % 3)-\(index)")]) { $1 }
      }
      _ = try store.append(TestRows.batch(rows))
      if number == 4 { try store.flush() }
    }
    try store.flush()
    let expected = try living(store)
    let readers = try store.snapshot().segments
    #expect(readers.allSatisfy { $0.info.logRange != nil })
    for (index, reader) in readers.enumerated() {
      switch index % 3 {
      case 0: try damagePage(system, reader)
      case 1: system.damage(reader.path.string) { Array($0.dropLast(9)) }
      default: system.damage(reader.path.string) { _ in nil }
      }
    }
    let done = try repair(store)
    #expect(done.actions.map(\.kind) == readers.map { _ in .replayed })
    #expect(try living(store) == expected)
    #expect(try Verifying.run(store).needsRepair == [])
    try store.close()
    // Without the records there is nothing to make them of.
    let later = try open(system, IngestFixture.path)
    for path in system.filePaths where path.hasSuffix(".wal") { system.damage(path) { _ in nil } }
    let reader = try #require(try later.snapshot().segments.first)
    try damagePage(system, reader)
    #expect(try repair(later).actions.map(\.kind) == [.damaged])
    try later.close()
  }

  // MARK: Opening

  private func repairOpening(
    _ system: MemoryFileSystem, _ path: FilePath = "/s", dropsLogRange: Bool = false,
    isDryRun: Bool = false
  ) throws -> [RepairAction] {
    try Store.repairOpening(
      path, fileSystem: system, dropsLogRange: dropsLogRange, isDryRun: isDryRun)
  }

  @Test(
    "A lost or damaged CURRENT is found again where there is no doubt", arguments: [true, false])
  func current(isLost: Bool) throws {
    let system = try Verifying.prepared()
    let expected = try CrashScenario.contents(system)
    #expect(try repairOpening(system) == [])
    system.damage("/s/CURRENT") { isLost ? nil : $0.dropLast(4) + [0, 1, 2, 3] }
    #expect(throws: TallyError.self) { try CrashScenario.contents(system) }
    #expect(try repairOpening(system, isDryRun: true).map(\.kind) == [.rebuilt])
    #expect(throws: TallyError.self) { try CrashScenario.contents(system) }
    let actions = try repairOpening(system)
    #expect(actions.first?.message.contains("is intact") == true)
    #expect(try CrashScenario.contents(system) == expected)
    #expect(try Verifying.run(system).findings == [])
    try open(system).close()
    // An older manifest is not the last state, a damaged one no state at all.
    let manifest = try #require(system.filePaths.first { $0.contains("MANIFEST-") })
    for change in [{ (bytes: [UInt8]) in bytes.dropLast(5) + [9, 9, 9, 9, 9] }] {
      let copy = system.afterKill()
      copy.damage("/s/CURRENT") { _ in nil }
      copy.damage(manifest) { Array(change($0)) }
      let error = #expect(throws: TallyError.self) { try repairOpening(copy) }
      #expect(error?.code == .corruption)
    }
    let copy = system.afterKill()
    copy.damage("/s/CURRENT") { _ in nil }
    copy.damage(try #require(copy.filePaths.first { $0.hasSuffix(".seg") })) { _ in nil }
    #expect(throws: TallyError.self) { try repairOpening(copy) }
  }

  @Test("Of a damaged log every intact record is kept, and the lost ones are named")
  func log() throws {
    let system = MemoryFileSystem()
    let store = try IngestFixture.open(system)
    for number in 0..<10 {
      _ = try store.append(TestRows.batch(IngestFixture.rows(number)))
      if number == 2 { try store.flush() }
    }
    let copy = system.afterKill()
    let path = try #require(copy.filePaths.last { $0.hasSuffix(".wal") })
    let bytes = try #require(copy.bytes(of: path))
    // Records 4 to 10 are in the log alone; a byte in the payload of the sixth.
    let marker = Array("batch 5".utf8)
    let place = try #require(
      bytes.indices.first { Array(bytes[$0...].prefix(marker.count)) == marker })
    Verifying.flip(copy, path, place)
    #expect(throws: TallyError.self) { try open(copy, IngestFixture.path) }
    let refused = try repairOpening(copy, IngestFixture.path)
    #expect(refused.map(\.kind) == [.damaged])
    #expect(refused[0].message.contains("--drop-log-range"))
    let before = copy.filePaths
    let dry = try repairOpening(
      copy, IngestFixture.path, dropsLogRange: true, isDryRun: true)
    #expect(copy.filePaths == before)
    let done = try repairOpening(copy, IngestFixture.path, dropsLogRange: true)
    #expect(done == dry)
    #expect(done.map(\.message) == ["6 records are kept; lost: record 6"])
    let repaired = try open(copy, IngestFixture.path)
    let expected = (0..<10).filter { $0 != 5 }
      .flatMap { IngestFixture.sequences(IngestFixture.rows($0)) }.sorted()
    #expect(try IngestFixture.sequences(repaired.snapshot()) == expected)
    _ = try repaired.append(TestRows.batch(IngestFixture.rows(20)))
    try repaired.close()
    #expect(try Verifying.run(copy, path: IngestFixture.path).needsRepair == [])
    #expect(copy.filePaths.contains { $0.contains("/quarantine/") && $0.hasSuffix(".wal") })
    try store.close()
  }

  @Test("A lost log file is given up by name only, and the store opens again")
  func lostLogFile() throws {
    let system = MemoryFileSystem()
    let store = try IngestFixture.open(system)
    for number in 0..<5 { _ = try store.append(TestRows.batch(IngestFixture.rows(number))) }
    let copy = system.afterKill()
    for path in copy.filePaths where path.hasSuffix(".wal") { copy.damage(path) { _ in nil } }
    #expect(throws: TallyError.self) { try open(copy, IngestFixture.path) }
    let done = try repairOpening(copy, IngestFixture.path, dropsLogRange: true)
    #expect(done.map(\.message) == ["0 records are kept; lost: what may have followed"])
    let repaired = try open(copy, IngestFixture.path)
    #expect(try repaired.snapshot().rowCount == 0)
    _ = try repaired.append(TestRows.batch(IngestFixture.rows(6)))
    try repaired.close()
    #expect(try Verifying.run(copy, path: IngestFixture.path).needsRepair == [])
    try store.close()
  }

  @Test("A repair that is killed at any call can be done again")
  func killed() throws {
    let prepared = try Verifying.prepared()
    let reader = try #require(
      try Store.open("/s", mode: .readOnly, fileSystem: prepared).snapshot().segments.first)
    try damagePage(prepared, reader, column: 1)
    let whole = prepared.afterKill()
    whole.inject(nil)
    let first = try open(whole)
    _ = try repair(first) { $0.dropsDamaged = true }
    try first.close()
    let expected = try CrashScenario.contents(whole)
    let total = whole.callCount
    for call in stride(from: 5, to: total, by: 11) {
      let system = prepared.afterKill()
      system.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: true, number: 5))
      if let store = try? open(system) { _ = try? repair(store) { $0.dropsDamaged = true } }
      let survivor = system.afterPowerCut(seed: UInt64(call))
      let store = try open(survivor)
      _ = try repair(store) { $0.dropsDamaged = true }
      try store.close()
      #expect(try CrashScenario.contents(survivor) == expected, "call \(call)")
      #expect(try Verifying.run(survivor).needsRepair == [], "call \(call)")
    }
  }
}
