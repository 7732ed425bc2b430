/// How many requests are let through: so many a minute in the long run, so many at once.
package struct RateLimit: Hashable, Sendable {
  /// From 1 to 60,000,000.
  package var perMinute: Int
  /// From 1.
  package var burst: Int

  package init(perMinute: Int, burst: Int) {
    precondition(perMinute >= 1 && perMinute <= 60_000_000 && burst >= 1, "no such limit")
    self.perMinute = perMinute
    self.burst = min(burst, 1_000_000)
  }

  /// A request takes one of these from the time that is filled up.
  var intervalNanoseconds: Int64 { 60_000_000_000 / Int64(perMinute) }
  /// The time that a full bucket has.
  var depthNanoseconds: Int64 { intervalNanoseconds &* Int64(burst) }
}

/// A token bucket as one number: when it will be full again. (The generic cell rate algorithm of
/// ITU-T I.371; equal to counting tokens, without rounding them.)
struct TokenBucket: Hashable, Sendable {
  /// In steady nanoseconds; what lies in the past is full.
  var fullAt: Int64

  /// How long until one request fits; 0: it does.
  func waitNanoseconds(_ limit: RateLimit, at now: Int64) -> Int64 {
    max(0, max(fullAt, now) &+ limit.intervalNanoseconds &- now &- limit.depthNanoseconds)
  }

  mutating func take(_ limit: RateLimit, at now: Int64) {
    fullAt = max(fullAt, now) &+ limit.intervalNanoseconds
  }

  /// Whole requests left.
  func remaining(_ limit: RateLimit, at now: Int64) -> Int {
    Int((limit.depthNanoseconds &- (max(fullAt, now) &- now)) / limit.intervalNanoseconds)
  }
}
