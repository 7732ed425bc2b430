#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An end to waiting that no step of the wall clock moves.
struct Deadline {
  private let end: timespec

  /// - Parameter nanoseconds: from now.
  init(nanoseconds: UInt64) {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    let total = UInt64(now.tv_nsec) &+ nanoseconds
    now.tv_sec += Int(total / 1_000_000_000)
    now.tv_nsec = Int(total % 1_000_000_000)
    end = now
  }

  /// Makes a condition whose waits end by the steady clock.
  static func initialize(_ condition: UnsafeMutablePointer<pthread_cond_t>) {
    #if canImport(Darwin)
      unsafe pthread_cond_init(condition, nil)
    #else
      var attributes = pthread_condattr_t()
      unsafe pthread_condattr_init(&attributes)
      unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      unsafe pthread_cond_init(condition, &attributes)
      unsafe pthread_condattr_destroy(&attributes)
    #endif
  }

  /// Waits, with `mutex` held, until somebody signals.
  ///
  /// - Returns: false once the time is over.
  func wait(
    _ condition: UnsafeMutablePointer<pthread_cond_t>,
    _ mutex: UnsafeMutablePointer<pthread_mutex_t>
  ) -> Bool {
    #if canImport(Darwin)
      var now = timespec()
      unsafe clock_gettime(CLOCK_MONOTONIC, &now)
      let left =
        (end.tv_sec - now.tv_sec) * 1_000_000_000 + Int(end.tv_nsec) - Int(now.tv_nsec)
      guard left > 0 else { return false }
      var rest = timespec(tv_sec: left / 1_000_000_000, tv_nsec: left % 1_000_000_000)
      return unsafe pthread_cond_timedwait_relative_np(condition, mutex, &rest) == 0
    #else
      var end = end
      return unsafe pthread_cond_timedwait(condition, mutex, &end) == 0
    #endif
  }
}
