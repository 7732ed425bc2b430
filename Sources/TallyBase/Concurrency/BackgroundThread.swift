import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A thread that does a piece of work whenever it is woken, and once a period at the latest.
package final class BackgroundThread: Sendable {
  private let shared: Shared
  private let thread: Mutex<pthread_t?>

  /// What the thread and its owner share, so that the thread does not keep its owner alive.
  @safe private final class Shared: @unchecked Sendable {
    // SAFETY (Sendable): `isWoken` and `isStopped` are touched only with `mutex` held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private let periodNanoseconds: UInt64
    private var isWoken = false
    private var isStopped = false
    let work: @Sendable () -> Void

    init(periodNanoseconds: UInt64, work: @escaping @Sendable () -> Void) {
      self.periodNanoseconds = periodNanoseconds
      self.work = work
      unsafe mutex = .allocate(capacity: 1)
      unsafe condition = .allocate(capacity: 1)
      unsafe pthread_mutex_init(mutex, nil)
      unsafe pthread_cond_init(condition, nil)
    }

    deinit {
      unsafe pthread_mutex_destroy(mutex)
      unsafe pthread_cond_destroy(condition)
      unsafe mutex.deallocate()
      unsafe condition.deallocate()
    }

    func signal(stopping: Bool) {
      unsafe pthread_mutex_lock(mutex)
      isWoken = true
      if stopping { isStopped = true }
      unsafe pthread_cond_signal(condition)
      unsafe pthread_mutex_unlock(mutex)
    }

    /// Returns false once the thread is to end.
    func wait() -> Bool {
      unsafe pthread_mutex_lock(mutex)
      defer { unsafe pthread_mutex_unlock(mutex) }
      var deadline = timespec()
      unsafe clock_gettime(CLOCK_REALTIME, &deadline)
      let end = UInt64(deadline.tv_nsec) &+ periodNanoseconds
      deadline.tv_sec += Int(end / 1_000_000_000)
      deadline.tv_nsec = Int(end % 1_000_000_000)
      while !isWoken {
        if unsafe pthread_cond_timedwait(condition, mutex, &deadline) != 0 { break }
      }
      isWoken = false
      return !isStopped
    }
  }

  /// - Parameter work: must not keep the owner of this thread alive.
  package init(periodNanoseconds: UInt64, work: @escaping @Sendable () -> Void) {
    shared = Shared(periodNanoseconds: periodNanoseconds, work: work)
    var created = pthread_t(bitPattern: 0)
    let context = unsafe Unmanaged.passRetained(shared)
    let result = unsafe pthread_create(
      &created, nil,
      { context in
        guard let context = unsafe context else { return nil }
        // SAFETY: the owner passed a retained `Shared`, which is released when this ends.
        let shared = unsafe Unmanaged<Shared>.fromOpaque(context).takeRetainedValue()
        BackgroundThread.yieldToOthers()
        while shared.wait() { shared.work() }
        return nil
      }, context.toOpaque())
    if result != 0 { unsafe context.release() }
    thread = Mutex(result == 0 ? created : nil)
  }

  deinit { stop() }

  /// Lets threads that somebody waits for go first where cores are few.
  private static func yieldToOthers() {
    #if canImport(Glibc)
      // On Linux the priority of "this process" is that of the calling thread.
      _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, BackgroundThread.niceness)
    #endif
  }

  private static let niceness: Int32 = 10

  /// Has the work done soon.
  package func wake() { shared.signal(stopping: false) }

  /// Waits for work under way and ends the thread. Safe to call from the work itself, which then
  /// is the last.
  package func stop() {
    let running = thread.withLock { thread -> pthread_t? in
      defer { thread = nil }
      return thread
    }
    guard let running else { return }
    shared.signal(stopping: true)
    if pthread_equal(running, pthread_self()) != 0 {
      pthread_detach(running)
    } else {
      _ = pthread_join(running, nil)
    }
  }
}
