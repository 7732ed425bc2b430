import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// Stores of a few days with people in them: rows that are in segments, rows that are dead, rows
/// that are in the log only.
enum PrivacyScenario {
  static let person = "zq-person-42"
  /// 2026-01-01, the first day.
  static let firstDay: Int32 = 20_454
  static let columns = [
    "org", "team", "user", "end_user", "api_key", "model", "tag",
  ]
  static let sums = ["requests", "input_tokens", "output_tokens", "cost", "sequence"]

  static func options() -> Store.Options {
    var options = CompactionScenario.options()
    options.log.isPreparingAhead = false
    return options
  }

  static func open(_ system: MemoryFileSystem) throws -> Store {
    try Store.open(
      "/s", mode: CompactionScenario.writing, fileSystem: system, options: options())
  }

  static func rows(_ count: Int, dayCount: Int, seed: UInt64, from first: Int = 0) -> [TestRow] {
    var random = SplitMix64(seed: seed)
    var rows = TestRows.random(count, dayCount: dayCount, from: first, &random)
    for index in rows.indices {
      let number = Int.random(in: 0..<6, using: &random)
      let isPerson = number == 0
      rows[index]["user"] = isPerson ? text(person) : text("user-\(number)")
      rows[index]["event_id"] = text("event-\(first + index)")
      rows[index]["model"] = text("model-\(random.next() % 3)")
      if random.coin() { rows[index]["team"] = text("team-\(random.next() % 2)") }
      if random.coin() { rows[index]["end_user"] = text(random.coin() ? person : "end-1") }
      if isPerson, random.coin() { rows[index]["api_key"] = text(person) }
      if random.coin() { rows[index]["tag"] = text(isPerson ? person : "blue") }
      if random.coin() {
        rows[index]["cost"] = .decimal(unscaled: Int128(random.next() % 1_000_000_000), scale: 9)
      }
      if random.coin() { rows[index]["output_tokens"] = .int(Int128(random.next() % 500)) }
      if number < 2 { rows[index]["metadata"] = text("{\"by\":\"\(person)\",\"n\":\(index)}") }
      if number == 0 { rows[index]["session"] = text("s-\(person)x") }
    }
    return rows
  }

  static func text(_ string: String) -> Value { TestRows.text(string) }

  private static let moreTypes: [(name: String, type: LogicalType)] = [
    ("team", .symbol), ("end_user", .symbol), ("api_key", .symbol), ("model", .symbol),
    ("metadata", .text), ("cost", .decimal(precision: 18, scale: 9)),
  ]

  static func batch(_ rows: [TestRow]) -> EventBatch { TestRows.batch(rows, adding: moreTypes) }

  static func load(_ rows: [TestRow], into store: Store) throws {
    var options = BulkImport.Options()
    options.threadCount = 1
    options.ingestedAtMicroseconds = 1
    let bulk = try store.beginImport(options: options)
    try bulk.add(batch(rows))
    _ = try bulk.commit()
  }

  /// A closed store: two segments a day, some rows dead, some rows in the log's files.
  static func make(rowCount: Int = 60, dayCount: Int = 3) throws -> MemoryFileSystem {
    let system = MemoryFileSystem()
    let store = try open(system)
    try load(rows(rowCount, dayCount: dayCount, seed: 1), into: store)
    _ = try store.append(batch(rows(rowCount, dayCount: dayCount, seed: 2, from: rowCount)))
    try store.flush()
    try CompactionScenario.deleteSome(store, oneIn: 5, seed: 3)
    try store.close()
    return system
  }

  static func living(_ system: MemoryFileSystem) throws -> [TestRow] {
    let store = try Store.open("/s", mode: .readOnly, fileSystem: system)
    return try TestRows.readLiving(store.snapshot())
  }

  /// Sums of every summed column, NULL if nothing was there to sum, for each value of `column`.
  static func sums(_ rows: [TestRow], by column: String?) -> [Value: [String: Int128]] {
    var result: [Value: [String: Int128]] = [:]
    for row in rows {
      let key = column.map { row[$0] ?? .null } ?? .null
      for name in sums {
        switch row[name] ?? .null {
        case .int(let value), .decimal(let value, _):
          result[key, default: [:]][name, default: 0] += value
        default: continue
        }
      }
    }
    return result
  }

  /// Places in the store's files, decompressed too, that have the bytes of `text`.
  static func places(of text: String, in system: MemoryFileSystem) throws -> [String] {
    let needle = Array(text.utf8)
    var found: [String] = []
    for path in system.filePaths where contains(needle, system.bytes(of: path) ?? []) {
      found.append(path)
    }
    let store = try Store.open("/s", mode: .readOnly, fileSystem: system)
    let snapshot = try store.snapshot()
    let live = Set(snapshot.segments.map { $0.path.string })
    for path in system.filePaths where path.hasSuffix(".seg") && !live.contains(path) {
      found.append("\(path) is not live")
    }
    for row in try TestRows.read(snapshot) {
      for (name, value) in row {
        if case .text(let text) = value, contains(needle, text.bytes) { found.append(name) }
      }
    }
    return found
  }

  static func contains(_ needle: [UInt8], _ bytes: [UInt8]) -> Bool {
    guard let first = needle.first, bytes.count >= needle.count else { return false }
    var index = 0
    while index <= bytes.count - needle.count {
      if bytes[index] == first, bytes[index..<(index + needle.count)].elementsEqual(needle) {
        return true
      }
      index += 1
    }
    return false
  }
}
