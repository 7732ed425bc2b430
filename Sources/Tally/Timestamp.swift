internal import TallyBase

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A moment in microseconds since 1970-01-01T00:00:00 UTC.
public struct Timestamp: Hashable, Comparable, Sendable {
  /// Negative before 1970.
  public var microsecondsSinceEpoch: Int64

  /// The moment that lies so many microseconds after 1970 began in UTC.
  public init(microsecondsSinceEpoch: Int64) {
    self.microsecondsSinceEpoch = microsecondsSinceEpoch
  }

  /// Reads `2026-01-05T10:00:00Z` and its relatives (space for `T`, fraction, offset, date only);
  /// without an offset the time is UTC. Nil if `text` is not a time.
  public init?(_ text: String) {
    let utf8 = Array(text.utf8)
    guard let parsed = unsafe utf8.withUnsafeBufferPointer({ unsafe TimestampText.parse($0) })
    else { return nil }
    microsecondsSinceEpoch = parsed
  }

  /// The wall clock's time.
  public static var now: Timestamp {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(
      microsecondsSinceEpoch: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
  }

  /// Whether `left` is the earlier.
  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.microsecondsSinceEpoch < right.microsecondsSinceEpoch
  }
}

extension Timestamp: CustomStringConvertible {
  /// RFC 3339 in UTC, such as `2026-01-05T10:00:00Z`.
  public var description: String { TimestampText.format(microsecondsSinceEpoch) }
}
