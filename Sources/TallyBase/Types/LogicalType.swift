/// The type of a column or expression as the query language sees it.
package enum LogicalType: Hashable, Sendable {
  /// The type of a bare NULL; unifies with any other.
  case null
  case bool
  /// 64-bit signed integer. Arithmetic that leaves the range is an error, never a wrap.
  case int64
  /// 128-bit signed integer: what `sum` of integers yields.
  case int128
  /// Fixed-point decimal of `precision` digits, `scale` of them after the point. Held in an
  /// `Int64` up to 18 digits, in an `Int128` up to 38.
  case decimal(precision: Int, scale: Int)
  case double
  /// Microseconds since 1970-01-01T00:00:00 UTC, in an `Int64`.
  case timestamp
  /// Days since 1970-01-01, in an `Int64`.
  case date
  /// A span of time: months, days and microseconds. Only literals and arithmetic have it.
  case interval
  /// A dictionary-coded name. Behaves as text in every expression.
  case symbol
  case text
}

extension LogicalType {
  /// Whether values are held as `Int64` (integers, narrow decimals, timestamps, dates).
  package var isInt64Backed: Bool {
    switch self {
    case .int64, .timestamp, .date: true
    case .decimal(let precision, _): precision <= 18
    default: false
    }
  }

  /// Whether values are held as `Int128`.
  package var isInt128Backed: Bool {
    switch self {
    case .int128: true
    case .decimal(let precision, _): precision > 18
    default: false
    }
  }

  package var isText: Bool { self == .symbol || self == .text }

  package var isNumeric: Bool {
    switch self {
    case .int64, .int128, .decimal, .double: true
    default: false
    }
  }

  /// Digits after the decimal point; 0 for integers.
  package var scale: Int {
    if case .decimal(_, let scale) = self { scale } else { 0 }
  }
}

extension LogicalType: CustomStringConvertible {
  /// The name as the query language writes it.
  package var description: String {
    switch self {
    case .null: "null"
    case .bool: "bool"
    case .int64: "int64"
    case .int128: "int128"
    case .decimal(let precision, let scale): "decimal(\(precision),\(scale))"
    case .double: "double"
    case .timestamp: "timestamp"
    case .date: "date"
    case .interval: "interval"
    case .symbol: "symbol"
    case .text: "text"
    }
  }
}
