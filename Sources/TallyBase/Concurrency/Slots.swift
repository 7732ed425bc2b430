#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Lets a limited number of threads into a stretch of work; the others sleep until one leaves.
@safe package final class Slots: @unchecked Sendable {
  // SAFETY (Sendable): `freeCount` is touched only with `mutex` held, which like the condition
  // lives at a fixed address from `init` to `deinit`.
  private var freeCount: Int
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let freed: UnsafeMutablePointer<pthread_cond_t>

  package init(count: Int) {
    freeCount = max(1, count)
    unsafe mutex = .allocate(capacity: 1)
    unsafe freed = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(freed, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(freed)
    unsafe pthread_mutex_destroy(mutex)
    unsafe freed.deallocate()
    unsafe mutex.deallocate()
  }

  /// Runs `body` once there is room for it.
  package func occupy<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe pthread_mutex_lock(mutex)
    while freeCount == 0 { unsafe pthread_cond_wait(freed, mutex) }
    freeCount -= 1
    unsafe pthread_mutex_unlock(mutex)
    defer {
      unsafe pthread_mutex_lock(mutex)
      freeCount += 1
      unsafe pthread_cond_signal(freed)
      unsafe pthread_mutex_unlock(mutex)
    }
    return try body()
  }
}
