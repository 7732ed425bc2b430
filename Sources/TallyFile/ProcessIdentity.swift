import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Who holds a lock, in words.
package enum ProcessIdentity {
  /// `process 4711, started 2026-01-05T10:30:00Z`; the time is that of the call.
  package static func describe() -> String {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    let seconds = Int64(now.tv_sec)
    let day = Day(containing: seconds &* 1_000_000)
    let secondOfDay = seconds &- day.startMicroseconds / 1_000_000
    let clock = [secondOfDay / 3_600, secondOfDay / 60 % 60, secondOfDay % 60].map {
      $0 < 10 ? "0\($0)" : "\($0)"
    }
    return "process \(getpid()), since \(day)T\(clock.joined(separator: ":"))Z"
  }
}

/// The wall clock.
package enum WallClock {
  /// Microseconds since 1970-01-01T00:00:00 UTC.
  package static func nowMicroseconds() -> Int64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) &* 1_000_000 &+ Int64(now.tv_nsec) / 1_000
  }
}

/// A clock that only goes forward, for durations.
package enum SteadyClock {
  package static func nowNanoseconds() -> UInt64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
  }

  /// Waits at least this long, unless a signal comes.
  package static func sleep(nanoseconds: UInt64) {
    var duration = timespec()
    duration.tv_sec = Int(nanoseconds / 1_000_000_000)
    duration.tv_nsec = Int(nanoseconds % 1_000_000_000)
    unsafe nanosleep(&duration, nil)
  }
}
