package import TallyBase
import TallyTestSupport

/// A row whose every value follows from two numbers, so that what is read back can be judged
/// without keeping what was written.
package struct WorkloadRow: Hashable, Sendable {
  /// Unlike that of every other row.
  package var sequence: Int
  /// Rows of one key have the same `org` and `event_id`: all but one of them are duplicates.
  package var key: Int

  package init(sequence: Int, key: Int) {
    self.sequence = sequence
    self.key = key
  }

  /// Decides between duplicates; no two rows have the same.
  package var tokenCount: Int64 {
    var random = SplitMix64(seed: UInt64(sequence))
    return Int64(random.next() >> 44) << 32 | Int64(sequence & 0xFFFF_FFFF)
  }

  /// Rows lie within a few days, the first of them 2026-01-01.
  package var timeMicroseconds: Int64 {
    var random = SplitMix64(seed: UInt64(sequence) &+ 1 << 40)
    let day = WorkloadRow.firstDay + Int64(random.next(below: WorkloadRow.dayCount))
    let second = Int64(random.next(below: 86_400))
    return day * Day.microsecondsPerDay + second * 1_000_000
  }

  private static let firstDay: Int64 = 20_454
  private static let dayCount: UInt64 = 2

  package var org: String { "org-\(key % 5)" }
  package var eventID: String { "event-\(key)" }
  package var session: String { "row \(sequence) of \(key)" }
}

/// Rows that are taken together or not at all.
package struct WorkloadBatch: Hashable, Sendable {
  /// Unlike that of every other batch.
  package var number: Int
  package var rows: [WorkloadRow]

  /// Most rows of a batch.
  package static let rowCountMax = 1_000

  /// A batch that follows from its number and a seed. Its first row has an identity of its own;
  /// others may repeat that of an earlier batch's row.
  ///
  /// - Parameter repeatPercent: how many of a hundred rows repeat another's identity.
  package init(number: Int, rowCount: Int, seed: UInt64, repeatPercent: Int) {
    var random = SplitMix64(seed: seed &+ UInt64(number) &* 0x9E37_79B9)
    self.number = number
    rows = (0..<rowCount).map { index in
      let sequence = number * WorkloadBatch.rowCountMax + index
      let isRepeat = index > 0 && number > 1 && random.next(below: 100) < repeatPercent
      guard isRepeat else { return WorkloadRow(sequence: sequence, key: sequence) }
      let other = number - 1 - Int(random.next(below: UInt64(min(number - 1, 30))))
      let place = 1 + Int(random.next(below: 8))
      return WorkloadRow(sequence: sequence, key: other * WorkloadBatch.rowCountMax + place)
    }
  }

  /// The rows as a service would send them.
  package var events: EventBatch {
    var batch = EventBatch(rowCount: rows.count)
    func add(_ name: String, _ type: LogicalType, _ values: EventColumn.Values) {
      batch.columns.append(EventColumn(name: name, type: type, values: values))
    }
    add("time", .timestamp, .int64(rows.map(\.timeMicroseconds)))
    add("org", .symbol, WorkloadBatch.symbols(rows.map(\.org)))
    add("input_tokens", .int64, .int64(rows.map(\.tokenCount)))
    add("session", .text, WorkloadBatch.text(rows.map(\.session)))
    add("event_id", .text, WorkloadBatch.text(rows.map(\.eventID)))
    add("sequence", .int64, .int64(rows.map { Int64($0.sequence) }))
    // A column that the standard schema lacks, with names that every batch adds to.
    add("job", .symbol, WorkloadBatch.symbols(rows.map { _ in "job \(number)" }))
    return batch
  }

  static func symbols(_ names: [String]) -> EventColumn.Values {
    var table = StringTable()
    let codes = names.map { table.intern(ByteString(Array($0.utf8))) }
    return .symbol(codes: codes, table: table)
  }

  static func text(_ strings: [String]) -> EventColumn.Values {
    var offsets = [0]
    var bytes: [UInt8] = []
    for string in strings {
      bytes.append(contentsOf: string.utf8)
      offsets.append(bytes.count)
    }
    return .text(offsets: offsets, bytes: bytes)
  }
}
