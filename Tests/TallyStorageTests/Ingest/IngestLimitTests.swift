import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Each limit of what is taken, one below it, at it and one above.
@Suite("Limits of ingest") struct IngestLimitTests {
  private static let time = EventColumn(
    name: "time", type: .timestamp, values: .int64([20_454 * Day.microsecondsPerDay]))

  private static func batch(_ columns: EventColumn...) -> EventBatch {
    var batch = EventBatch(rowCount: 1)
    batch.columns = [time] + columns
    return batch
  }

  private static func text(_ name: String, byteCount: Int) -> EventColumn {
    EventColumn(
      name: name, type: .text,
      values: .text(
        offsets: [0, byteCount], bytes: [UInt8](repeating: UInt8(ascii: "x"), count: byteCount)))
  }

  private static func symbol(_ name: String, _ value: String) -> EventColumn {
    var table = StringTable()
    let code = table.intern(ByteString(Array(value.utf8)))
    return EventColumn(name: name, type: .symbol, values: .symbol(codes: [code], table: table))
  }

  private static func open(_ change: (inout Store.Options) -> Void = { _ in }) throws -> Store {
    var options = IngestFixture.options()
    change(&options)
    return try IngestFixture.open(MemoryFileSystem(), options: options)
  }

  /// Appends one batch after another and compares which are taken.
  ///
  /// - Parameter code: of the last one's refusal, which must change nothing.
  private static func expect(
    _ store: Store, _ code: TallyError.Code, taken: [EventBatch], refused: EventBatch,
    _ appendOptions: AppendOptions = AppendOptions(), at location: SourceLocation = #_sourceLocation
  ) throws {
    for batch in taken { _ = try store.append(batch, options: appendOptions) }
    let schema = try store.schema
    let error = #expect(throws: TallyError.self, sourceLocation: location) {
      try store.append(refused, options: appendOptions)
    }
    #expect(error?.code == code, sourceLocation: location)
    #expect(try store.schema == schema, sourceLocation: location)
    let rowCount = taken.reduce(0) { $0 + $1.rowCount }
    #expect(try store.snapshot().rowCount == rowCount, sourceLocation: location)
    // The store goes on, and what was taken is there afterwards.
    _ = try store.append(batch())
    try store.flush()
    #expect(try store.snapshot().rowCount == rowCount + 1, sourceLocation: location)
    try store.close()
  }

  // MARK: Batches

  @Test func rowsOfABatch() throws {
    let rows = { TestRows.batch(IngestFixture.rows($0, count: $0)) }
    try Self.expect(
      Self.open { $0.batchRowCountMax = 7 }, .resourceExhausted, taken: [rows(6), rows(7)],
      refused: rows(8))
  }

  @Test func bytesOfABatch() throws {
    let limit = Self.batch(Self.text("session", byteCount: 100)).byteCount
    let batches = [99, 100, 101].map { Self.batch(Self.text("session", byteCount: $0)) }
    try Self.expect(
      Self.open { $0.batchByteCountMax = limit }, .resourceExhausted,
      taken: Array(batches.dropLast()), refused: batches[2])
  }

  @Test func bytesOfAProducersName() throws {
    let store = try Self.open()
    var appendOptions = AppendOptions()
    appendOptions.sequence = 1
    for (byteCount, isTaken) in [(0, false), (1, true), (254, true), (255, true), (256, false)] {
      appendOptions.producer = String(repeating: "p", count: byteCount)
      let result = Result { try store.append(Self.batch(), options: appendOptions) }
      #expect(((try? result.get()) != nil) == isTaken, "\(byteCount)")
    }
    try store.close()
  }

  // MARK: Values

  @Test(arguments: [99, 64 << 10])
  func bytesOfAValue(_ limit: Int) throws {
    // The second is what it is without being set.
    let open = { try Self.open { if limit < 100 { $0.valueByteCountMax = limit } } }
    for make in [
      { Self.text("session", byteCount: $0) },
      { Self.symbol("model", String(repeating: "y", count: $0)) },
    ] {
      try Self.expect(
        open(), .invalidInput, taken: [limit - 1, limit].map { Self.batch(make($0)) },
        refused: Self.batch(make(limit + 1)))
    }
  }

  @Test func times() throws {
    let end = 106_751 * Day.microsecondsPerDay
    let store = try Self.open()
    for (time, isTaken) in [
      (Int64.min, false), (-1, false), (0, true), (1, true), (end - 1, true), (end, false),
      (.max, false),
    ] {
      var batch = EventBatch(rowCount: 1)
      batch.columns = [EventColumn(name: "time", type: .timestamp, values: .int64([time]))]
      let result = Result { try store.append(batch) }
      #expect(((try? result.get()) != nil) == isTaken, "\(time)")
    }
    try store.flush()
    #expect(try store.snapshot().rowCount == 3)
    try store.close()
  }

  // MARK: Columns

  @Test func bytesOfAColumnsName() throws {
    let named = { (count: Int) in
      Self.batch(Self.text(String(repeating: "c", count: count), byteCount: 3))
    }
    try Self.expect(
      Self.open(), .invalidInput, taken: [named(1), named(254), named(255)], refused: named(256))
    try Self.expect(Self.open(), .invalidInput, taken: [], refused: named(0))
  }

  @Test(arguments: [nil, Schema.standard.columns.count + 3])
  func columns(_ limit: Int?) throws {
    let room = (limit ?? Schema.columnCountMax) - Schema.standard.columns.count
    let adding = { (range: Range<Int>) in
      var batch = Self.batch()
      batch.columns += range.map { Self.text("extra \($0)", byteCount: 1) }
      return batch
    }
    try Self.expect(
      Self.open { if let limit { $0.columnCountMax = limit } }, .resourceExhausted,
      taken: [adding(0..<(room - 1)), adding((room - 1)..<room)],
      refused: adding(room..<(room + 1)))
    // Known columns can be used at the limit, and a batch that adds too many adds none.
    try Self.expect(
      Self.open { if let limit { $0.columnCountMax = limit } }, .resourceExhausted,
      taken: [adding(0..<(room - 1)), adding(0..<2)], refused: adding((room - 1)..<(room + 1)))
  }

  @Test func entriesOfADictionary() throws {
    let system = MemoryFileSystem()
    var options = IngestFixture.options()
    options.dictionaryEntryCountMax = 3
    for (number, isTaken) in [(1, true), (2, true), (3, true), (4, false), (2, true), (5, false)] {
      // Each time by another process: entries on disk count like those in memory.
      let store = try IngestFixture.open(system, options: options)
      let result = Result { try store.append(Self.batch(Self.symbol("model", "m\(number)"))) }
      #expect(((try? result.get()) != nil) == isTaken, "\(number)")
      if case .failure(let error) = result {
        #expect((error as? TallyError)?.code == .resourceExhausted)
      }
      if number % 2 == 0 { try store.flush() }
      try store.close()
    }
  }

  // MARK: Memory and records

  /// Rows that the second of two appends finds too many in the buffer, and flushes.
  private static func flushedCount(bufferByteCountMax: Int) throws -> Int {
    let system = MemoryFileSystem()
    var options = IngestFixture.options()
    options.bufferByteCountMax = bufferByteCountMax
    let store = try IngestFixture.open(system, options: options)
    for number in 1...2 { _ = try store.append(TestRows.batch(IngestFixture.rows(number))) }
    let reader = try Store.open(IngestFixture.path, mode: .readOnly, fileSystem: system)
    let count = try reader.snapshot().rowCount
    try reader.close()
    try store.close()
    return count
  }

  @Test func bytesOfTheBuffer() throws {
    var tooSmall = 1
    var enough = 1 << 22
    while enough - tooSmall > 1 {
      let middle = (tooSmall + enough) / 2
      if try Self.flushedCount(bufferByteCountMax: middle) > 0 {
        tooSmall = middle
      } else {
        enough = middle
      }
    }
    // What the buffer holds of a batch is at least its rows.
    #expect(enough >= TestRows.batch(IngestFixture.rows(1)).byteCount)
    // The allocator rounds what arrays reserve up, not always alike.
    let rounding = 1 << 10
    let counts = try [-rounding, rounding].map {
      try Self.flushedCount(bufferByteCountMax: enough + $0)
    }
    #expect(counts == [7, 0])
  }

  @Test func rowsAndValuesOfARecord() throws {
    let limit = 1 << 20
    for (rowCount, columnCount, isTaken) in [
      (limit - 1, 1, true), (limit, 1, true), (limit + 1, 1, false),
      (limit / 8, 256, true), (limit / 8 + 1, 256, false), (1, 257, false),
    ] {
      #if DEBUG
        // Thirty million values take too long without optimisation.
        if isTaken, columnCount > 1 { continue }
      #endif
      var record = EventBatchCodec()
      record.batch = EventBatch(rowCount: rowCount)
      let values = [UInt8](repeating: 1, count: rowCount)
      record.batch.columns = (0..<columnCount).map {
        EventColumn(name: "c\($0)", type: .bool, values: .bool(values))
      }
      let result = Result { try record.encode() }
      #expect(((try? result.get()) != nil) == isTaken, "\(rowCount) rows, \(columnCount) columns")
    }
  }

  @Test func bytesKeptOfARejectedRow() throws {
    let store = try Self.open()
    let limit = RejectedRow.textByteCountMax
    for byteCount in [limit - 1, limit, limit + 1] {
      try store.reject([
        RejectedRow(
          timeMicroseconds: 1, source: "s", line: byteCount, field: "f", reason: "r",
          text: String(repeating: "x", count: byteCount))
      ])
    }
    let kept = try store.rejectedRows().map(\.text.utf8.count)
    #expect(Array(kept.prefix(2)) == [limit - 1, limit])
    #expect(kept[2] <= limit + 3)
    try store.close()
  }
}
