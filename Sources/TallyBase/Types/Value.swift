/// One value, boxed. For literals, results and the reference evaluator; never on a hot path.
package enum Value: Hashable, Sendable {
  case null
  case bool(Bool)
  /// An integer; `int64` and `int128` columns alike.
  case int(Int128)
  /// `unscaled` divided by ten to the `scale`.
  case decimal(unscaled: Int128, scale: Int)
  case double(Double)
  /// Microseconds since the epoch, UTC.
  case timestamp(Int64)
  /// Days since the epoch.
  case date(Int64)
  case interval(Interval)
  case text(ByteString)

  package var isNull: Bool { self == .null }
}
