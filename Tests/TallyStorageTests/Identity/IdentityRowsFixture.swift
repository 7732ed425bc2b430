import TallyBase
import TallyStorage
import TallyTestSupport

/// Rows with event ids from so small a world that they repeat.
struct EventRows {
  var random: SplitMix64
  var idCount = 60
  /// Distances from the first day.
  var days: [Int64] = [0, 1, 2, 45, 46, 47, 60, 91]
  private var sequence: Int128 = 0

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func next(_ count: Int) -> [TestRow] {
    (0..<count).map { _ in row() }
  }

  private mutating func row() -> TestRow {
    let day = 20_000 + days[Int(random.next() % UInt64(days.count))]
    let second = Int64(random.next() % 5) * 20_000
    sequence += 1
    var row: TestRow = [
      "time": .timestamp(day * Day.microsecondsPerDay + second * 1_000_000),
      "sequence": .int(sequence),
    ]
    switch random.next() % 10 {
    case 0: break
    case 1...4: row["org"] = TestRows.text("acme")
    case 5: row["org"] = TestRows.text("")
    default: row["org"] = TestRows.text("globex")
    }
    if random.next() % 8 > 0 {
      let id = random.next() % UInt64(idCount)
      row["event_id"] = TestRows.text(id == 0 ? "" : "event-\(id)-of-the-small-world")
    }
    if random.next() % 4 > 0 { row["input_tokens"] = .int(Int128(random.next() % 3)) }
    if random.next() % 4 > 0 { row["output_tokens"] = .int(Int128(random.next() % 3)) }
    return row
  }
}

extension TestRow {
  var day: Day {
    guard case .timestamp(let time) = self["time"] else { return Day(number: 0) }
    return Day(containing: time)
  }

  var tokenCount: Int128 {
    ["input_tokens", "output_tokens"].reduce(0) { sum, name in
      if case .int(let number) = self[name] { sum + number } else { sum }
    }
  }

  /// Nil without an id.
  var identity: EventIdentity? {
    guard case .text(let id) = self["event_id"] else { return nil }
    return EventIdentity(org: self["org"] ?? .null, id: id)
  }

  /// Whether the days of two rows of one identity make them one event.
  func isInWindow(of other: TestRow) -> Bool { abs(day.number - other.day.number) <= 45 }
}

struct EventIdentity: Hashable {
  var org: Value
  var id: ByteString
}

extension StoreSnapshot {
  /// Store codes of rows' `org`; names the store does not have get a code it does not have.
  func orgCodes(_ rows: [TestRow]) throws -> [SymbolCode] {
    let table = try dictionary(column: Schema.orgColumnID).table
    return rows.map { row in
      guard case .text(let name) = row["org"] else { return nullSymbolCode }
      return table.find(name) ?? 9_999
    }
  }

  func keys(_ rows: [TestRow]) throws -> IdentityKeys {
    let times = rows.map { row -> Int64 in
      if case .timestamp(let time) = row["time"] { time } else { 0 }
    }
    return IdentityKeys(
      TestRows.batch(rows), times: times, orgCodes: try orgCodes(rows), key: fingerprinter)
  }
}
