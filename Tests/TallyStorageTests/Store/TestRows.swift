import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// Rows as plain values by column name: what tests compare. Columns a row does not name are NULL,
/// or the default.
typealias TestRow = [String: Value]

/// The types of the columns that tests use; all but the last three are standard ones.
let testTypes: [(name: String, type: LogicalType)] = [
  ("time", .timestamp), ("org", .symbol), ("user", .symbol), ("success", .bool),
  ("requests", .int64), ("input_tokens", .int64), ("latency_ms", .decimal(precision: 18, scale: 3)),
  ("session", .text), ("event_id", .text), ("output_tokens", .int64), ("tag", .symbol),
  ("score", .double), ("sequence", .int64),
]

enum TestRows {
  /// A batch with exactly the columns that some row names.
  static func batch(
    _ rows: [TestRow], adding more: [(name: String, type: LogicalType)] = []
  ) -> EventBatch {
    var batch = EventBatch(rowCount: rows.count)
    for (name, type) in testTypes + more where rows.contains(where: { $0[name] != nil }) {
      batch.columns.append(column(name, type, rows.map { $0[name] ?? .null }))
    }
    return batch
  }

  private static func column(_ name: String, _ type: LogicalType, _ values: [Value]) -> EventColumn
  {
    var validity: [UInt8] = values.map { $0.isNull ? 0 : 1 }
    if !validity.contains(0) { validity = [] }
    let stored: EventColumn.Values
    switch type {
    case .symbol:
      var table = StringTable()
      let codes = values.map { value -> SymbolCode in
        if case .text(let text) = value { table.intern(text) } else { nullSymbolCode }
      }
      stored = .symbol(codes: codes, table: table)
      validity = []
    case .text:
      var offsets = [0]
      var bytes: [UInt8] = []
      for value in values {
        if case .text(let text) = value { bytes.append(contentsOf: text.bytes) }
        offsets.append(bytes.count)
      }
      stored = .text(offsets: offsets, bytes: bytes)
    case .bool: stored = .bool(values.map { $0 == .bool(true) ? 1 : 0 })
    case .double:
      stored = .double(values.map { if case .double(let number) = $0 { number } else { 0 } })
    default: stored = .int64(values.map(integer))
    }
    return EventColumn(name: name, type: type, values: stored, validity: validity)
  }

  private static func integer(_ value: Value) -> Int64 {
    switch value {
    case .int(let number): Int64(truncatingIfNeeded: number)
    case .decimal(let unscaled, _): Int64(truncatingIfNeeded: unscaled)
    case .timestamp(let microseconds): microseconds
    default: 0
    }
  }

  /// Random rows over `dayCount` days from 2026-01-01, times in any order, with NULLs, ties and
  /// values that many rows share.
  static func random(
    _ count: Int, dayCount: Int, from first: Int, _ random: inout SplitMix64
  ) -> [TestRow] {
    (0..<count).map { index in
      let day = Int64(20_454 + Int.random(in: 0..<dayCount, using: &random))
      let second = Int64.random(in: 0..<86_400, using: &random) / 600 * 600
      var row: TestRow = [
        "time": .timestamp(day * Day.microsecondsPerDay + second * 1_000_000),
        "sequence": .int(Int128(first + index)),
      ]
      let orgs = ["acme", "globex", "", "Ærø", "initech"]
      if Int.random(in: 0..<10, using: &random) > 0 {
        row["org"] = text(orgs[Int.random(in: 0..<orgs.count, using: &random)])
      }
      row["user"] = text("user-\(Int.random(in: 0..<300, using: &random))")
      row["input_tokens"] = .int(Int128(Int64.random(in: 0...1_000, using: &random)))
      if random.coin() {
        row["latency_ms"] = .decimal(
          unscaled: Int128(Int.random(in: 0..<9_999, using: &random)), scale: 3)
        row["success"] = .bool(random.coin())
        row["session"] = text("s\(random.next() % 1_000)")
      }
      return row
    }
  }

  static func text(_ string: String) -> Value { .text(ByteString(Array(string.utf8))) }

  /// Rows as a store must hold them: defaults filled in, by day, organisation (in order of first
  /// appearance, NULL first), time and arrival.
  static func sorted(_ rows: [TestRow]) -> [TestRow] {
    var codes: [Value: Int] = [.null: 0]
    for row in rows {
      let org = row["org"] ?? .null
      if codes[org] == nil { codes[org] = codes.count }
    }
    let keyed = rows.enumerated().map { index, row -> ([Int64], TestRow) in
      let time = integer(row["time"] ?? .null)
      let org = Int64(codes[row["org"] ?? .null] ?? 0)
      return ([Int64(Day(containing: time).number), org, time, Int64(index)], withDefaults(row))
    }
    return keyed.sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
  }

  static func withDefaults(_ row: TestRow) -> TestRow {
    var full = row.filter { !$0.value.isNull }
    if full["requests"] == nil, row["requests"] != .null { full["requests"] = .int(1) }
    return full
  }

  // MARK: Reading

  /// The rows of a snapshot that are not dead.
  static func readLiving(_ snapshot: StoreSnapshot) throws -> [TestRow] {
    let all = try read(snapshot)
    var living: [TestRow] = []
    var first = 0
    for reader in snapshot.segments {
      let deleted = snapshot.deletedRows[reader.info.id]
      for row in 0..<reader.info.rowCount where deleted?.contains(row) != true {
        living.append(all[first + row])
      }
      first += reader.info.rowCount
    }
    return living
  }

  /// All rows of a snapshot in segment order; `ingested_at` is left out, NULLs too.
  static func read(_ snapshot: StoreSnapshot) throws -> [TestRow] {
    var rows: [TestRow] = []
    for reader in snapshot.segments {
      var segment = [TestRow](repeating: [:], count: reader.info.rowCount)
      for column in snapshot.schema.columns where column.name != "ingested_at" {
        let values = try SegmentValues.read(reader, column, snapshot)
        for (row, value) in values.enumerated() where !value.isNull {
          segment[row][column.name] = value
        }
      }
      rows += segment
    }
    return rows
  }
}
