/// Nanoseconds of the monotonic clock, for profiles.
enum Stopwatch {
  private static let origin = ContinuousClock.now

  static func now() -> UInt64 {
    let elapsed = (ContinuousClock.now - origin).components
    return UInt64(elapsed.seconds) &* 1_000_000_000
      &+ UInt64(elapsed.attoseconds / 1_000_000_000)
  }
}
