#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// SIGTERM and SIGINT, for a process that ends in an orderly way.
package enum StopSignal {
  private static func signals() -> sigset_t {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGTERM)
    unsafe sigaddset(&signals, SIGINT)
    return signals
  }

  /// Keeps the signals waiting until `wait`. Threads that begin later inherit it.
  package static func block() {
    var signals = signals()
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Returns once a signal has come. A second one ends the process at once.
  package static func wait() {
    var signals = signals()
    var number: Int32 = 0
    while unsafe sigwait(&signals, &number) != 0 {}
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }
}
