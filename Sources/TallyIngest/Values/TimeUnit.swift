/// What one tick of a numeric time is.
package enum TimeUnit: String, Hashable, Sendable, CaseIterable {
  case seconds = "s"
  case milliseconds = "ms"
  case microseconds = "us"
  case nanoseconds = "ns"

  /// Decimal digits from a tick of this unit to a microsecond; negative if a tick is shorter.
  var microsecondScale: Int {
    switch self {
    case .seconds: 6
    case .milliseconds: 3
    case .microseconds: 0
    case .nanoseconds: -3
    }
  }

  /// The unit that a field's name ends in: `ts_ms`, `timestamp_s`, `time_ns`.
  init?(suffixOf name: String) {
    guard let underscore = name.lastIndex(of: "_") else { return nil }
    self.init(rawValue: String(name[name.index(after: underscore)...]).lowercased())
  }

  /// The unit in which `ticks` since 1970 is a time between 1973 and 5138 (seconds), or the like
  /// for the finer units: the ranges of the four units do not overlap.
  init(magnitudeOf ticks: UInt64) {
    switch ticks {
    case 0..<100_000_000_000: self = .seconds
    case 100_000_000_000..<100_000_000_000_000: self = .milliseconds
    case 100_000_000_000_000..<100_000_000_000_000_000: self = .microseconds
    default: self = .nanoseconds
    }
  }
}

/// How numeric times are read.
package struct TimeOptions: Hashable, Sendable {
  /// The unit of every numeric time; nil: the field's name says it (`_s`, `_ms`, `_us`, `_ns`), or
  /// else the magnitude.
  package var unit: TimeUnit?
  /// If set, numeric times are offsets from this moment, in microseconds since the epoch; their
  /// unit is then milliseconds unless `unit` or the field's name says otherwise.
  package var originMicroseconds: Int64?

  package init(unit: TimeUnit? = nil, originMicroseconds: Int64? = nil) {
    self.unit = unit
    self.originMicroseconds = originMicroseconds
  }
}
