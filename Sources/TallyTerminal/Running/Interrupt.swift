internal import Synchronization
package import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Ctrl-C. The first press cancels what is running; a second one, before it has ended, ends the
/// process.
package enum Interrupt {
  /// The token to cancel, as the bits of an unretained reference; 0 if nothing runs.
  private static let current = Atomic<UInt>(0)
  /// Presses since the last `reset`.
  private static let pressCount = Atomic<Int>(0)

  /// Whether Ctrl-C was pressed since the last `reset`.
  package static var wasPressed: Bool { pressCount.load(ordering: .relaxed) > 0 }

  package static func reset() { pressCount.store(0, ordering: .relaxed) }

  /// Takes over SIGINT. System calls that wait are not restarted, so that a prompt notices.
  package static func install() {
    // Both statics are initialized here, never inside the handler.
    reset()
    current.store(0, ordering: .relaxed)
    var action = sigaction()
    #if canImport(Darwin)
      unsafe action.__sigaction_u.__sa_handler = { _ in Interrupt.press() }
    #else
      unsafe action.__sigaction_handler.sa_handler = { _ in Interrupt.press() }
    #endif
    _ = unsafe sigaction(SIGINT, &action, nil)
    // A parent may have left the signal blocked; it would then wait for ever.
    var interrupt = sigset_t()
    unsafe sigemptyset(&interrupt)
    unsafe sigaddset(&interrupt, SIGINT)
    unsafe pthread_sigmask(SIG_UNBLOCK, &interrupt, nil)
  }

  /// Runs `body` with a token that Ctrl-C cancels.
  package static func cancelling<Result>(
    _ body: (CancellationToken) throws -> Result
  ) rethrows -> Result {
    let token = CancellationToken()
    reset()
    let bits = unsafe UInt(bitPattern: Unmanaged.passUnretained(token).toOpaque())
    current.store(bits, ordering: .sequentiallyConsistent)
    defer { current.store(0, ordering: .sequentiallyConsistent) }
    return try withExtendedLifetime(token) { try body(token) }
  }

  /// Called on the signal: touches nothing but atomics.
  private static func press() {
    let presses = pressCount.add(1, ordering: .relaxed).newValue
    let bits = current.load(ordering: .sequentiallyConsistent)
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: bits) else { return }
    if presses > 2 { _exit(130) }
    // SAFETY: `cancelling` keeps the token alive until it has set `current` to 0, and signals
    // arrive on a thread that cannot be past that point while it runs this handler.
    unsafe Unmanaged<CancellationToken>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
      $0.cancel()
    }
  }
}
