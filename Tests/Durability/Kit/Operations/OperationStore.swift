import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// Small stores for `FaultOperation`s: rows of three days in segments, some of them dead, and rows
/// in the log of a process that was killed.
enum OperationStore {
  static let path: FilePath = "/store"
  static let person = "person-42"
  /// 2026-01-01.
  static let firstDay: Int64 = 20_454
  static let dayCount: Int64 = 3

  static var options: Store.Options {
    var options = PowerWorkload.options
    options.compaction.quietSeconds = 0
    options.pageCacheByteCountMax = 1 << 20
    return options
  }

  static func open(
    _ system: MemoryFileSystem, _ path: FilePath = path
  ) throws -> Store {
    try Store.open(
      path, mode: .readWrite(creating: true), fileSystem: system, options: options)
  }

  // MARK: Rows

  static func batch(_ number: Int, rowCount: Int) -> EventBatch {
    let sequences = (0..<rowCount).map { number * 1_000 + $0 }
    var batch = EventBatch(rowCount: rowCount)
    func add(_ name: String, _ type: LogicalType, _ values: EventColumn.Values) {
      batch.columns.append(EventColumn(name: name, type: type, values: values))
    }
    let times = sequences.map { sequence in
      (firstDay + Int64(sequence) % dayCount) * Day.microsecondsPerDay
        + Int64(sequence) * 1_000_000
    }
    add("time", .timestamp, .int64(times))
    add("org", .symbol, WorkloadBatch.symbols(sequences.map { "org-\($0 % 2)" }))
    add(
      "user", .symbol,
      WorkloadBatch.symbols(sequences.map { $0 % 4 == 0 ? person : "user-\($0 % 3)" }))
    add("input_tokens", .int64, .int64(sequences.map { Int64($0 % 100) }))
    add("session", .text, WorkloadBatch.text(sequences.map { "session-\($0)" }))
    add("event_id", .text, WorkloadBatch.text(sequences.map { "event-\($0)" }))
    add("sequence", .int64, .int64(sequences.map { Int64($0) }))
    return batch
  }

  static func append(_ store: Store, _ number: Int, rowCount: Int) throws {
    var options = AppendOptions()
    options.producer = "producer"
    options.sequence = UInt64(number)
    options.ingestedAtMicroseconds = 1
    _ = try store.append(batch(number, rowCount: rowCount), options: options)
  }

  /// - Parameter isSpilling: whether each batch is written on its own, so that days are merged.
  static func load(
    _ store: Store, _ numbers: [Int], rowCount: Int, isSpilling: Bool = false
  ) throws {
    var options = BulkImport.Options()
    options.threadCount = 1
    options.ingestedAtMicroseconds = 1
    if isSpilling { options.memoryByteCountMax = 1 }
    let bulk = try store.beginImport(options: options)
    for number in numbers { try bulk.add(batch(number, rowCount: rowCount)) }
    _ = try bulk.commit()
  }

  /// Marks rows dead by their numbers: again changes nothing.
  static func delete(_ store: Store, everyNth divisor: Int) throws {
    let snapshot = try store.snapshot()
    guard let column = snapshot.schema.column(named: "sequence") else { return }
    var rows: [UInt64: DeletedRows] = [:]
    for reader in snapshot.segments {
      var dead = DeletedRows(rowCount: reader.info.rowCount)
      for (row, value) in try SegmentValues.read(reader, column, snapshot).enumerated() {
        if case .int(let number) = value, number % Int128(divisor) == 0 { dead.insert(row) }
      }
      rows[reader.info.id] = dead
    }
    try store.deleteRows(rows)
  }

  // MARK: Stores

  /// What was left by a process that was killed.
  static func make(isLogged: Bool = true) throws -> MemoryFileSystem {
    let system = MemoryFileSystem()
    system.limit(toByteCount: PowerWorkload.diskByteCount)
    let store = try open(system)
    try load(store, [0], rowCount: 12)
    try append(store, 1, rowCount: 12)
    try store.flush()
    try delete(store, everyNth: 5)
    if isLogged { try append(store, 2, rowCount: 6) }
    return system.afterKill()
  }

  /// Flips a bit of the first page of a column.
  static func damagePage(
    _ system: MemoryFileSystem, segment: Int, column: Int
  ) throws {
    let store = try Store.open(path, mode: .readOnly, fileSystem: system)
    let reader = try store.snapshot().segments[segment]
    let page = try reader.footer().column(id: column)?.chunks.first?.pages.first
    flip(system, reader.path.string, Int(page?.offset ?? 0))
    try store.close()
  }

  /// Flips a bit of a segment's index of events, which can be made anew.
  static func damageIndex(_ system: MemoryFileSystem, segment: Int) throws {
    let store = try Store.open(path, mode: .readOnly, fileSystem: system)
    let reader = try store.snapshot().segments[segment]
    let section = try reader.footer().sections.first { $0.type == 4 }
    flip(system, reader.path.string, Int(section?.offset ?? 0) + 20)
    try store.close()
  }

  static func flip(_ system: MemoryFileSystem, _ path: String, _ index: Int) {
    system.damage(path) { bytes in
      var changed = bytes
      if changed.indices.contains(index) { changed[index] ^= 0x10 }
      return changed
    }
  }

  // MARK: What a store shows

  static func state(of system: MemoryFileSystem, _ path: FilePath = path) throws -> StoreState {
    do {
      let store = try open(system, path)
      defer { try? store.close() }
      return try state(of: store)
    } catch let error as TallyError where error.code == .corruption {
      return .unreadable
    }
  }

  static func state(of store: Store) throws -> StoreState {
    do {
      return .rows(try rows(store.snapshot()))
    } catch let error as TallyError where error.code == .corruption {
      return .unreadable
    }
  }

  /// Living rows by day, as text that begins with their number.
  private static func rows(_ snapshot: StoreSnapshot) throws -> [Day: [String]] {
    var days: [Day: [String]] = [:]
    for reader in snapshot.segments {
      let deleted = snapshot.deletedRows[reader.info.id]
      var texts = [String](repeating: "", count: reader.info.rowCount)
      for column in snapshot.schema.columns where column.name != "ingested_at" {
        let values = try SegmentValues.read(reader, column, snapshot)
        for (row, value) in values.enumerated() where !value.isNull {
          let text = "\(column.name)=\(value) "
          texts[row] = column.name == "sequence" ? text + texts[row] : texts[row] + text
        }
      }
      for (row, text) in texts.enumerated() where deleted?.contains(row) != true {
        days[reader.info.day, default: []].append(text)
      }
    }
    return days.mapValues { $0.sorted() }
  }
}

/// What a store shows.
enum StoreState: Equatable {
  /// It says that it is damaged.
  case unreadable
  case rows([Day: [String]])
}
