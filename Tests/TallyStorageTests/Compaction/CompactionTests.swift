import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Compaction")
struct CompactionTests {
  @Test(
    "Every answer stays: NULLs, columns that only some segments have, dead rows",
    arguments: [1 << 20, 640], [0, 3])
  func keepsAnswers(segmentRowCountMax: Int, deadDivisor: Int) throws {
    let system = MemoryFileSystem()
    let store = try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system,
      options: CompactionScenario.options(segmentRowCountMax: segmentRowCountMax))
    for rows in CompactionScenario.imports(5, rowCount: 300, seed: 7) {
      try CompactionScenario.load(rows, into: store)
    }
    if deadDivisor > 0 {
      try CompactionScenario.deleteSome(store, oneIn: deadDivisor, seed: 8)
    }
    let before = try CompactionScenario.rows(store.snapshot())
    let days = Mutex<[CompactedDay]>([])
    try store.compact { day in days.withLock { $0.append(day) } }
    let snapshot = try store.snapshot()
    #expect(try CompactionScenario.rows(snapshot) == before)
    #expect(snapshot.deletedRows.isEmpty)
    #expect(snapshot.rowCount == before.count)
    for day in days.withLock({ $0 }) {
      #expect(day.segmentCountBefore == 5)
      #expect(day.segmentCountAfter == snapshot.segments.count { $0.info.day == day.day })
      let rowCounts = snapshot.segments.filter { $0.info.day == day.day }.map(\.info.rowCount)
      #expect(rowCounts.reduce(0, +) == day.rowCount)
      #expect(rowCounts.allSatisfy { $0 <= segmentRowCountMax })
      if segmentRowCountMax > day.rowCount { #expect(day.segmentCountAfter == 1) }
    }
    #expect(days.withLock { $0.count } == 2)
    try expectSorted(snapshot)
    try store.compact { day in Issue.record("\(day) was compacted again") }
    try store.close()
    #expect(try CompactionScenario.rows(system) == before)
    #expect(CompactionScenario.segmentCount(system) == snapshot.segments.count)
  }

  /// By organisation, then time; segments of a day follow each other.
  private func expectSorted(_ snapshot: StoreSnapshot) throws {
    let org = try #require(snapshot.schema.column(named: "org"))
    let table = try snapshot.dictionary(column: org.id).table
    var previous: (Day, Int, Value)?
    let rows = try TestRows.read(snapshot)
    var first = 0
    for reader in snapshot.segments {
      for row in rows[first..<(first + reader.info.rowCount)] {
        var code = 0
        if case .text(let name) = row["org"] {
          code = (1...table.count).first { table.string(SymbolCode($0)) == name } ?? 0
        }
        let time = row["time"] ?? .null
        if let previous, previous.0 == reader.info.day {
          #expect(previous.1 <= code)
          if previous.1 == code { #expect(before(previous.2, time)) }
        }
        previous = (reader.info.day, code, time)
      }
      first += reader.info.rowCount
    }
  }

  private func before(_ left: Value, _ right: Value) -> Bool {
    if case .timestamp(let left) = left, case .timestamp(let right) = right {
      return left <= right
    }
    return false
  }

  @Test("A day whose rows are all dead goes, with its partition")
  func allDead() throws {
    let system = MemoryFileSystem()
    let store = try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system,
      options: CompactionScenario.options())
    try CompactionScenario.load(
      CompactionScenario.imports(1, rowCount: 40, seed: 1)[0], into: store)
    try CompactionScenario.deleteSome(store, oneIn: 1, seed: 1)
    try store.compact()
    #expect(try store.snapshot().segments.isEmpty)
    try store.close()
    #expect(CompactionScenario.segmentCount(system) == 0)
    #expect(try system.contents(ofDirectory: "/s/partitions").isEmpty)
  }

  @Test("A rewrite drops rows, clears values and drops columns, and nothing else")
  func changes() throws {
    let system = MemoryFileSystem()
    let store = try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system,
      options: CompactionScenario.options(segmentRowCountMax: 90))
    for rows in CompactionScenario.imports(3, rowCount: 100, seed: 3) {
      try CompactionScenario.load(rows, into: store)
    }
    let before = try store.snapshot()
    let day = try #require(before.segments.first?.info.day)
    let names = ["user", "session", "success", "latency_ms", "input_tokens", "tag"]
    var changes = RewriteChanges()
    changes.droppedColumns = [try #require(before.schema.column(named: "score")).id]
    var dropped: Set<Int128> = []
    var cleared: Set<Int128> = []
    let rows = try TestRows.read(before)
    var first = 0
    for info in before.segments.map(\.info) {
      defer { first += info.rowCount }
      guard info.day == day else { continue }
      var out = DeletedRows(rowCount: info.rowCount)
      var null = DeletedRows(rowCount: info.rowCount)
      for row in 0..<info.rowCount {
        let number = number(rows[first + row])
        if number % 5 == 0 { out.insert(row) }
        if number % 3 == 0 { null.insert(row) }
        if number % 5 == 0 { dropped.insert(number) }
        if number % 3 == 0 { cleared.insert(number) }
      }
      changes.droppedRows[info.id] = out
      for name in names {
        let column = try #require(before.schema.column(named: name))
        changes.clearedRows[column.id, default: [:]][info.id] = null
      }
    }
    let inputs = before.segments.map(\.info).filter { $0.day == day }
    try store.maintaining { () throws(TallyError) in
      _ = try store.rewrite(
        inputs, options: store.options.compaction, cancellation: CancellationToken(),
        changes: changes)
    }
    let expected = try CompactionScenario.rows(before).compactMap { row -> TestRow? in
      guard case .timestamp(let time) = row["time"], Day(containing: time) == day else {
        return row
      }
      if dropped.contains(number(row)) { return nil }
      var row = row
      row["score"] = nil
      if cleared.contains(number(row)) { for name in names { row[name] = nil } }
      return row
    }
    #expect(try CompactionScenario.rows(store.snapshot()) == expected)
    #expect(expected.count < rows.count)
    try store.close()
  }

  private func number(_ row: TestRow) -> Int128 {
    if case .int(let number) = row["sequence"] { number } else { -1 }
  }

  @Test("Rows that die while their segments are rewritten are dead afterwards")
  func lateDeletions() throws {
    let system = MemoryFileSystem()
    var options = CompactionScenario.options(segmentRowCountMax: 200)
    options.compaction.byteCountPerSecondMax = 60_000
    let store = try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system, options: options)
    for rows in CompactionScenario.imports(4, rowCount: 150, seed: 5) {
      try CompactionScenario.load(rows, into: store)
    }
    try CompactionScenario.deleteSome(store, oneIn: 10, seed: 1)
    let outcome = Mutex<Result<Void, TallyError>?>(nil)
    let worker = BackgroundThread(periodNanoseconds: 3_600_000_000_000) {
      let result = Result { () throws(TallyError) in try store.compact() }
      outcome.withLock { $0 = result }
    }
    worker.wake()
    while outcome.withLock({ $0 == nil }),
      try system.contents(ofDirectory: "/s/tmp").allSatisfy({ !$0.hasSuffix(".seg") })
    { SteadyClock.sleep(nanoseconds: 100_000) }
    #expect(outcome.withLock { $0 == nil })
    try CompactionScenario.deleteSome(store, oneIn: 4, seed: 2)
    let expected = try CompactionScenario.rows(store.snapshot())
    worker.stop()
    try outcome.withLock { try #require($0).get() }
    #expect(try CompactionScenario.rows(store.snapshot()) == expected)
    try store.close()
    #expect(try CompactionScenario.rows(system) == expected)
  }

  @Test("A cancelled compaction leaves nothing behind")
  func cancelled() throws {
    let system = MemoryFileSystem()
    let store = try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system,
      options: CompactionScenario.options())
    for rows in CompactionScenario.imports(2, rowCount: 50, seed: 5) {
      try CompactionScenario.load(rows, into: store)
    }
    let files = system.filePaths
    let token = CancellationToken()
    token.cancel()
    let error = #expect(throws: TallyError.self) { try store.compact(cancellation: token) }
    #expect(error?.code == .cancelled)
    #expect(system.filePaths == files)
    try store.close()
  }

  @Test("Tiers keep segments few and rewrite each row a logarithmic number of times")
  func writeAmplification() throws {
    let system = MemoryFileSystem()
    let fullRowCount = 512
    let store = try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system,
      options: CompactionScenario.options(segmentRowCountMax: 4 * fullRowCount))
    let batchRowCount = 16
    let flushCount = 70
    var segmentCountMax = 0
    for number in 0..<flushCount {
      var batch = EventBatch(rowCount: batchRowCount)
      let times = (0..<batchRowCount).map { Int64(number * batchRowCount + $0) * 1_000 }
      batch.columns = [EventColumn(name: "time", type: .timestamp, values: .int64(times))]
      _ = try store.append(batch)
      try store.flush()
      while try store.maintaining({ store.compactOnce() }) {}
      segmentCountMax = max(segmentCountMax, try store.snapshot().segments.count)
    }
    #expect(store.maintenanceFailure == nil)
    let rowCount = batchRowCount * flushCount
    #expect(try store.snapshot().rowCount == rowCount)
    let doublings = 5
    #expect(store.rewrittenRowCount <= rowCount * doublings)
    #expect(store.rewrittenRowCount > rowCount)
    // Full segments, and of each power of two below at most one.
    #expect(segmentCountMax <= rowCount / fullRowCount + doublings + 1)
    try store.close()
  }

  @Test("The background thread compacts after flushes and ends with the store")
  func background() throws {
    let system = MemoryFileSystem()
    var options = CompactionScenario.options()
    options.isCompacting = true
    let store = try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system, options: options)
    let imports = CompactionScenario.imports(4, rowCount: 60, seed: 9)
    for rows in imports { try CompactionScenario.load(rows, into: store) }
    let deadline = SteadyClock.nowNanoseconds() + 20_000_000_000
    while try store.snapshot().segments.count > 4, SteadyClock.nowNanoseconds() < deadline {
      SteadyClock.sleep(nanoseconds: 1_000_000)
    }
    #expect(try store.snapshot().segments.count <= 4)
    try store.close()
    let rows = try CompactionScenario.rows(system)
    let other = MemoryFileSystem()
    let plain = try Store.open("/s", mode: CompactionScenario.writing, fileSystem: other)
    for rows in imports { try CompactionScenario.load(rows, into: plain) }
    let expected = try CompactionScenario.rows(plain.snapshot())
    try plain.close()
    #expect(rows.count == expected.count)
    let wrong = zip(rows, expected).first { $0 != $1 }
    #expect(wrong == nil)
  }
}
