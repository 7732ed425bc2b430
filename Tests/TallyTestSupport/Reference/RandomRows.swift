package import TallyBase

/// Seeded random rows of the standard schema: few names, many ties, NULLs, zeros, extremes,
/// non-ASCII and empty text.
package struct RandomRows {
  package var random: SplitMix64

  private let seed: UInt64
  private var eventCount = 0

  package init(seed: UInt64) {
    self.seed = seed
    random = SplitMix64(seed: seed)
  }

  /// First microsecond of the days that rows fall into: 2026-01-30, so that a month ends within.
  package static let startMicroseconds: Int64 = 1_769_731_200_000_000
  package static let dayCount: Int64 = 4

  package mutating func rows(_ count: Int) -> [[Value]] {
    (0..<count).map { _ in row() }
  }

  private mutating func row() -> [Value] {
    Schema.standard.columns.map { column in value(column) }
  }

  private static let names: [ByteString] = [
    "acme", "Acme", "zeta", "", "über", "gpt-4o-mini", "gpt-5", "a_b", "100%",
  ]

  private mutating func value(_ column: ColumnSchema) -> Value {
    let isTime = column.type == .timestamp
    if !isTime, column.name != "requests", random.next(below: 6) == 0 { return .null }
    switch column.type {
    case .timestamp:
      let range = UInt64(RandomRows.dayCount * Day.microsecondsPerDay)
      let time = RandomRows.startMicroseconds + Int64(random.next(below: range))
      return .timestamp(random.next(below: 4) == 0 ? time / 3_600_000_000 * 3_600_000_000 : time)
    case .bool: return .bool(random.next(below: 2) == 0)
    case .decimal(_, let scale):
      let unscaled = Int128(random.next(below: 2_000)) * (scale > 3 ? 1_234_567 : 250)
      return .decimal(unscaled: random.next(below: 9) == 0 ? 0 : unscaled, scale: scale)
    case .text where column.name == "event_id":
      // Rows with equal ids would be one event.
      eventCount += 1
      return .text(ByteString("event \(seed)-\(eventCount)"))
    case .text:
      let key = random.next(below: 3)
      return .text(key == 0 ? "" : ByteString("{\"k\":\"v\(key)\",\"n\": \(key)}"))
    case .symbol:
      return .text(RandomRows.names[Int(random.next(below: UInt64(RandomRows.names.count)))])
    default: return .int(Int128(random.next(below: 50)))
    }
  }
}

/// Sebastiano Vigna's SplitMix64: small, seeded, the same everywhere.
package struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// Uniform enough for tests: `bound` is far below 2^64.
  package mutating func next(below bound: UInt64) -> UInt64 { next() % bound }
}
