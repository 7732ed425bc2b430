/// Nanoseconds of the monotonic clock, for profiles.
enum Stopwatch {
  private static let origin = ContinuousClock.now

  static func now() -> UInt64 {
    // The origin is set on first use, which must come before the reading it is compared with.
    let start = origin
    let elapsed = (ContinuousClock.now - start).components
    return UInt64(elapsed.seconds) &* 1_000_000_000
      &+ UInt64(elapsed.attoseconds / 1_000_000_000)
  }
}
