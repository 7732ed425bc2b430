import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// What a writer leaves in the partitions when it is killed between two steps of a commit.
@Suite("Segments of commits that were cut short") struct ImportMarkerTests {
  private static func rows(days: Range<Int>) -> [TestRow] {
    days.map { day in
      [
        "time": .timestamp(Int64(20_454 + day) * Day.microsecondsPerDay),
        "org": TestRows.text("acme"), "sequence": .int(Int128(day)),
      ]
    }
  }

  /// A store with some days, and rows in its log for its first day and for a new one.
  private static func files(dayCount: Int) throws -> MemoryFileSystem {
    let system = MemoryFileSystem()
    let store = try IngestFixture.open(system)
    _ = try store.append(TestRows.batch(rows(days: 0..<dayCount)))
    try store.flush()
    _ = try store.append(TestRows.batch(rows(days: 0..<1) + rows(days: dayCount..<dayCount + 1)))
    return system.afterKill()
  }

  /// The segment files, and the partitions without any.
  private static func partitions(
    _ system: MemoryFileSystem
  ) throws -> (files: Set<FilePath>, emptyDays: [String]) {
    let root = IngestFixture.path.appending("partitions")
    var files: Set<FilePath> = []
    var emptyDays: [String] = []
    for day in try system.contents(ofDirectory: root) {
      let names = try system.contents(ofDirectory: root.appending(day))
      if names.isEmpty { emptyDays.append(day) }
      files.formUnion(names.map { root.appending(day).appending($0) })
    }
    return (files, emptyDays)
  }

  /// Opens the store that a killed writer left; nothing may be there that is not live.
  private static func expectClean(_ system: MemoryFileSystem, _ comment: Comment) throws {
    let store = try IngestFixture.open(system)
    let live = try store.refresh().segments.filter { $0.info.id < 1 << 62 }.map(\.path)
    let found = try partitions(system)
    #expect(found.files == Set(live), comment)
    #expect(found.emptyDays == [], comment)
    try store.close()
    #expect(try system.kind(of: "/store/tmp/IMPORT") == nil, comment)
  }

  /// Kills a flush at each call; `body` gets what is left.
  private static func killing(
    dayCount: Int, _ body: (MemoryFileSystem, _ call: Int) throws -> Void
  ) throws {
    let start = try files(dayCount: dayCount)
    var call = 1
    while true {
      let system = start.afterKill()
      let store = try IngestFixture.open(system)
      system.inject(
        MemoryFileSystem.Fault(
          firstCall: call, isLasting: true, number: 5))
      let isDone = (try? store.flush()) != nil
      try body(system.afterKill(), call)
      if isDone { break }
      call += 1
    }
    #expect(call > 10)
  }

  @Test("The next writer removes them")
  func nextWriterRemoves() throws {
    var strayCount = 0
    try Self.killing(dayCount: 3) { system, call in
      if try Self.partitions(system).files.count > 3 { strayCount += 1 }
      try Self.expectClean(system, "killed at call \(call)")
    }
    #expect(strayCount > 2)
  }

  @Test("The next writer finds them without a search of the partitions")
  func openingDoesNotSearch() throws {
    let counts = try [3, 12].map { dayCount -> [Int] in
      var counts: [Int] = []
      try Self.killing(dayCount: dayCount) { system, _ in
        let before = system.callCount
        let store = try IngestFixture.open(system)
        counts.append(system.callCount - before)
        try store.close()
      }
      return counts
    }
    #expect(counts[0].count == counts[1].count)
    // The moment in which the list has a name and no text.
    #expect(zip(counts[0], counts[1]).count { $0 != $1 } <= 1)
  }

  @Test(
    "Where the list was lost in part or in whole, they are searched for",
    arguments: ["empty", "cut", "zeros", "changed"])
  func damagedLists(damage: String) throws {
    try Self.killing(dayCount: 2) { system, call in
      guard try system.kind(of: "/store/tmp/IMPORT") != nil else { return }
      system.damage("/store/tmp/IMPORT") { bytes in
        guard !bytes.isEmpty else { return bytes }
        switch damage {
        case "empty": return []
        case "cut": return Array(bytes.prefix(bytes.count / 2))
        case "zeros": return bytes.map { _ in 0 }
        default: return Array("2026-01-09/00000001.seg\n".utf8) + bytes
        }
      }
      try Self.expectClean(system, "killed at call \(call), list \(damage)")
    }
  }

  @Test("A power cut after the kill changes nothing: the list counts only if it is whole")
  func powerCuts() throws {
    try Self.killing(dayCount: 2) { system, call in
      for seed in 0..<2 {
        let cut = system.afterPowerCut(seed: UInt64(call * 2 + seed))
        try Self.expectClean(cut, "cut at call \(call), seed \(seed)")
      }
    }
  }
}
