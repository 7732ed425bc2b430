#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What time it is. Tests bring their own.
package struct AccessClock: Sendable {
  /// Microseconds since 1970: for expiry and the audit log.
  package var microseconds: @Sendable () -> Int64
  /// Nanoseconds that never go back: for limits.
  package var steadyNanoseconds: @Sendable () -> Int64

  package init(
    microseconds: @escaping @Sendable () -> Int64,
    steadyNanoseconds: @escaping @Sendable () -> Int64
  ) {
    self.microseconds = microseconds
    self.steadyNanoseconds = steadyNanoseconds
  }

  /// The machine's clocks.
  package static let system = AccessClock(
    microseconds: { read(CLOCK_REALTIME) / 1_000 }, steadyNanoseconds: { read(CLOCK_MONOTONIC) })

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
