import SystemPackage
import TallyBase
import TallyExecution
import TallyStorage
import TallyTestSupport
import Testing

/// Queries on stores with damaged segments: an error, or the answer of the rows that are left and
/// the number of those that are not.
@Suite struct PartialAnswerTests {
  private let system = MemoryFileSystem()
  private let fixture: ExecutionFixture
  private let store: Store
  /// Rows by segment id.
  private var rowsOfSegment: [UInt64: [[Value]]] = [:]

  init() throws {
    var random = RandomRows(seed: 12)
    let rows = random.rows(300)
    fixture = try ExecutionFixture(rows: rows)
    store = try Store.open("/s", mode: .readWrite(creating: true), fileSystem: system)
    for part in 0..<3 {
      let slice = rows.enumerated().filter { $0.offset % 3 == part }.map(\.element)
      let load = try store.beginImport()
      try load.add(ExecutionFixture.batch(slice))
      let before = Set(rowsOfSegment.keys)
      _ = try load.commit()
      for reader in try store.snapshot().segments where !before.contains(reader.info.id) {
        rowsOfSegment[reader.info.id] = slice.filter { Self.day($0) == reader.info.day }
      }
    }
  }

  private static func day(_ row: [Value]) -> Day? {
    guard case .timestamp(let time) = row[Schema.timeColumnID] else { return nil }
    return Day(containing: time)
  }

  private var allowing: [ExecutionOptions] {
    ReferenceAgreementTests.options.map { options in
      var options = options
      options.allowsPartialAnswers = true
      return options
    }
  }

  private func flip(_ reader: SegmentReader, _ offsets: [Int64]) {
    system.damage(reader.path.string) { bytes in
      var changed = bytes
      for offset in offsets { changed[Int(offset)] ^= 0x20 }
      return changed
    }
  }

  private func snapshot() throws -> StoreSnapshot {
    try Store.open("/s", mode: .readOnly, fileSystem: system).snapshot()
  }

  /// Runs every query in every way and compares it with the rows outside of `damaged`.
  ///
  /// - Returns: how many answers were partial.
  private func check(_ damaged: [SegmentReader], mayMiss: Bool) throws -> Int {
    let ids = Set(damaged.map(\.info.id))
    let left = rowsOfSegment.filter { !ids.contains($0.key) }.flatMap(\.value)
    let rest = try ExecutionFixture(rows: left)
    var partialCount = 0
    for query in ReferenceAgreementTests.queries {
      for options in allowing {
        let snapshot = try snapshot()
        let result = try fixture.execute(query, options: options, on: snapshot)
        let missing = result.statistics.missingRowCount
        let found = (0..<result.rowCount).map { row in
          result.columns.indices.map { result.value(row: row, column: $0) }
        }
        let expected = try (missing > 0 ? rest : fixture).expected(query)
        #expect(
          ReferenceAgreementTests.canonical(found, query)
            == ReferenceAgreementTests.canonical(expected, query),
          "\(query): missing \(missing), \(options)")
        if missing > 0 { partialCount += 1 }
        let isPruned = query.contains("where time")
        #expect(
          missing == ids.reduce(0) { $0 + (rowsOfSegment[$1]?.count ?? 0) }
            || (missing == 0 && mayMiss) || isPruned, "\(query): missing \(missing)")
      }
    }
    return partialCount
  }

  @Test func segmentsWithoutDirectoryAreLeftOut() throws {
    let damaged = try Array(snapshot().segments.dropFirst().prefix(2))
    for reader in damaged { flip(reader, [reader.info.byteCount - 40]) }
    #expect(try check(damaged, mayMiss: false) > 200)
    let error = #expect(throws: TallyError.self) {
      try fixture.answer("count(*)", on: try snapshot())
    }
    #expect(error?.code == .corruption)
    #expect(damaged.map(\.path.string).contains(error?.path ?? ""))
    // Days that a query does not ask for may be damaged.
    let start = damaged[1].info.day.startMicroseconds + Day.microsecondsPerDay
    _ = try fixture.answer(
      "select count(*) from usage where time >= timestamp '\(TimestampText.format(start))'",
      on: try snapshot())
  }

  @Test func damagedPagesAreLeftOutWhereTheyAreRead() throws {
    let damaged = try Array(snapshot().segments.suffix(2).prefix(1))
    for reader in damaged {
      let pages = try reader.footer().columns.compactMap { $0?.chunks[0].pages[0].offset }
      flip(reader, pages)
    }
    #expect(try check(damaged, mayMiss: true) > 100)
    // Rows are counted without reading any page: nothing is missing from that answer.
    let options = try #require(allowing.first)
    let count = try fixture.execute("count(*)", options: options, on: try snapshot())
    #expect(count.statistics.missingRowCount == 0)
    #expect(throws: TallyError.self) {
      try fixture.answer("sum(cost) where cost > 0", on: try snapshot())
    }
  }

  @Test func lostFilesAreLeftOutAndDeadRowsAreNotMissed() throws {
    let reader = try #require(try snapshot().segments.first)
    let rows = try #require(rowsOfSegment[reader.info.id])
    var dead = DeletedRows(rowCount: reader.info.rowCount)
    for row in stride(from: 0, to: reader.info.rowCount, by: 3) { dead.insert(row) }
    try store.deleteRows([reader.info.id: dead])
    system.damage(reader.path.string) { _ in nil }
    let options = try #require(allowing.first)
    let result = try fixture.execute(
      "select org, count(*) from usage group by org", options: options, on: try snapshot())
    #expect(result.statistics.missingRowCount == rows.count - dead.count)
    let error = #expect(throws: TallyError.self) {
      try fixture.answer("count(*)", on: try snapshot())
    }
    #expect(error?.path == reader.path.string)
  }

  #if DEBUG
    private static let flipStride = 61
  #else
    private static let flipStride = 1
  #endif

  /// Whatever byte of a segment is flipped: an error, or a right answer; and where it may be
  /// partial, the answer of all rows or of all but the segment's.
  @Test func noFlippedByteGivesAWrongAnswer() throws {
    let query = """
      select org, model, count(*), sum(input_tokens), sum(cost), min(time), max(latency_ms),
        count("user"), min(event_id) from usage group by org, model
      """
    let reader = try #require(try snapshot().segments.dropFirst().first)
    let lost = try #require(rowsOfSegment[reader.info.id]?.count)
    let left = rowsOfSegment.filter { $0.key != reader.info.id }.flatMap(\.value)
    let whole = ReferenceAgreementTests.canonical(try fixture.expected(query), query)
    let rest = ReferenceAgreementTests.canonical(
      try ExecutionFixture(rows: left).expected(query), query)
    let bytes = try #require(system.bytes(of: reader.path.string))
    var strict = ExecutionOptions(threadCount: 2)
    strict.allowsPartialAnswers = false
    var lenient = strict
    lenient.allowsPartialAnswers = true
    var partialCount = 0
    for index in stride(from: 0, to: bytes.count, by: Self.flipStride) {
      flip(reader, [Int64(index)])
      if let found = try? fixture.answer(query, options: strict, on: try snapshot()) {
        #expect(ReferenceAgreementTests.canonical(found, query) == whole, "byte \(index)")
      }
      let result = try fixture.execute(query, options: lenient, on: try snapshot())
      let found = (0..<result.rowCount).map { row in
        result.columns.indices.map { result.value(row: row, column: $0) }
      }
      let missing = result.statistics.missingRowCount
      #expect(missing == 0 || missing == lost, "byte \(index)")
      #expect(
        ReferenceAgreementTests.canonical(found, query) == (missing > 0 ? rest : whole),
        "byte \(index)")
      if missing > 0 { partialCount += 1 }
      flip(reader, [Int64(index)])
    }
    #expect(partialCount > 5)
  }

  @Test func aDamagedDictionaryIsNeverLeftOut() throws {
    let path = try #require(system.filePaths.first { $0.hasSuffix(".dict") })
    system.damage(path) { bytes in bytes.dropLast(3) + [0, 0, 0] }
    for options in allowing.prefix(2) {
      #expect(throws: TallyError.self) {
        try fixture.answer(
          "select org, model, \"user\", provider, count(*) from usage group by all",
          options: options, on: try snapshot())
      }
    }
  }
}
