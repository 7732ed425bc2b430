import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Persistent threads that run numbered tasks of one job at a time.
///
/// The caller's thread takes part, so a pool of one thread starts none. Tasks are handed out by an
/// atomic counter: whoever is free takes the next. The first error stops the hand-out and is
/// thrown to the caller when every running task has ended. Jobs from several callers queue up.
package final class WorkerPool: Sendable {
  package let threadCount: Int
  private let shared: Shared

  /// Condition variable and state shared with the threads, which must not keep the pool alive.
  @safe private final class Shared: @unchecked Sendable {
    // SAFETY (Sendable): every stored property is touched only with `mutex` held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let wakeUp: UnsafeMutablePointer<pthread_cond_t>
    private let finished: UnsafeMutablePointer<pthread_cond_t>
    var job: Job?
    var jobNumber: UInt64 = 0
    var activeCount = 0
    var isShutDown = false

    init() {
      unsafe mutex = .allocate(capacity: 1)
      unsafe wakeUp = .allocate(capacity: 1)
      unsafe finished = .allocate(capacity: 1)
      unsafe pthread_mutex_init(mutex, nil)
      unsafe pthread_cond_init(wakeUp, nil)
      unsafe pthread_cond_init(finished, nil)
    }

    deinit {
      unsafe pthread_mutex_destroy(mutex)
      unsafe pthread_cond_destroy(wakeUp)
      unsafe pthread_cond_destroy(finished)
      unsafe mutex.deallocate()
      unsafe wakeUp.deallocate()
      unsafe finished.deallocate()
    }

    func locked<Result>(_ body: () -> Result) -> Result {
      unsafe pthread_mutex_lock(mutex)
      defer { unsafe pthread_mutex_unlock(mutex) }
      return body()
    }

    func waitForWork() { unsafe pthread_cond_wait(wakeUp, mutex) }
    func waitForEnd() { unsafe pthread_cond_wait(finished, mutex) }
    func signalWork() { unsafe pthread_cond_broadcast(wakeUp) }
    func signalEnd() { unsafe pthread_cond_broadcast(finished) }
  }

  /// One parallel loop.
  private final class Job: Sendable {
    let count: Int
    let body: @Sendable (_ task: Int, _ worker: Int) throws(TallyError) -> Void
    let next = Atomic<Int>(0)
    let workers: Int
    let joined = Atomic<Int>(0)
    let failure = Mutex<TallyError?>(nil)

    init(
      count: Int, workers: Int,
      body: @escaping @Sendable (_ task: Int, _ worker: Int) throws(TallyError) -> Void
    ) {
      self.count = count
      self.workers = workers
      self.body = body
    }

    /// Takes tasks until none is left.
    func work() {
      let worker = joined.add(1, ordering: .relaxed).oldValue
      guard worker < workers else { return }
      while true {
        let task = next.add(1, ordering: .relaxed).oldValue
        guard task < count else { return }
        do throws(TallyError) {
          try body(task, worker)
        } catch {
          failure.withLock { if $0 == nil { $0 = error } }
          next.store(count, ordering: .relaxed)
        }
      }
    }
  }

  /// Starts `threadCount - 1` threads, which sleep until there is work.
  package init(threadCount: Int) {
    self.threadCount = max(1, threadCount)
    shared = Shared()
    for _ in 1..<self.threadCount { start() }
  }

  deinit {
    shared.locked {
      shared.isShutDown = true
      shared.signalWork()
    }
  }

  /// Runs `body(task, worker)` for every task in `0..<count` on at most `workers` threads
  /// (`worker` is in `0..<workers`, and no two running tasks share one), and returns when all
  /// have ended.
  ///
  /// - Throws: the first error a task threw.
  package func run(
    count: Int, workers: Int? = nil,
    _ body: @escaping @Sendable (_ task: Int, _ worker: Int) throws(TallyError) -> Void
  ) throws(TallyError) {
    guard count > 0 else { return }
    let job = Job(count: count, workers: min(workers ?? threadCount, threadCount), body: body)
    let isParallel = job.workers > 1 && count > 1
    if isParallel { post(job) }
    job.work()
    if isParallel { retire(job) }
    if let error = job.failure.withLock({ $0 }) { throw error }
  }

  private func post(_ job: Job) {
    shared.locked {
      while shared.job != nil { shared.waitForEnd() }
      shared.job = job
      shared.jobNumber &+= 1
      shared.signalWork()
    }
  }

  private func retire(_ job: Job) {
    shared.locked {
      shared.job = nil
      while shared.activeCount > 0 { shared.waitForEnd() }
      shared.signalEnd()
    }
  }

  private func start() {
    let argument = unsafe Unmanaged.passRetained(shared).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let status = unsafe pthread_create(
      &thread, nil,
      { raw in
        #if canImport(Darwin)
          let shared = unsafe Unmanaged<Shared>.fromOpaque(raw).takeRetainedValue()
        #else
          let shared = unsafe Unmanaged<Shared>.fromOpaque(raw.unsafelyUnwrapped)
            .takeRetainedValue()
        #endif
        WorkerPool.loop(shared)
        return nil
      }, argument)
    if status == 0 {
      #if canImport(Darwin)
        if let thread { unsafe pthread_detach(thread) }
      #else
        pthread_detach(thread)
      #endif
    } else {
      // The job still completes on the caller's thread.
      unsafe Unmanaged<Shared>.fromOpaque(argument).release()
    }
  }

  private static func loop(_ shared: Shared) {
    var lastJobNumber: UInt64 = 0
    while true {
      let job: Job? = shared.locked {
        while !shared.isShutDown, shared.job == nil || shared.jobNumber == lastJobNumber {
          shared.waitForWork()
        }
        if shared.isShutDown { return nil }
        lastJobNumber = shared.jobNumber
        shared.activeCount += 1
        return shared.job
      }
      guard let job else { return }
      job.work()
      shared.locked {
        shared.activeCount -= 1
        if shared.activeCount == 0 { shared.signalEnd() }
      }
    }
  }
}
