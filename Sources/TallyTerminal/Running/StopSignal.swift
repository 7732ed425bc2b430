#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// SIGTERM and SIGINT, for a process that ends in an orderly way.
package enum StopSignal {
  /// Ends the process at once, as the signal does that nobody handles.
  package static func end(isInterrupt: Bool) {
    let number = isInterrupt ? SIGINT : SIGTERM
    signal(number, SIG_DFL)
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, number)
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    raise(number)
  }
}
