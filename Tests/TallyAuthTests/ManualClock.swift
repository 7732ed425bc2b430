import Synchronization
import TallyAuth

/// A clock that goes where the test puts it.
final class ManualClock: Sendable {
  /// Nanoseconds since 1970, and of the steady clock.
  private let nanoseconds: Mutex<Int64>

  init(seconds: Int64 = 1_789_000_000) { nanoseconds = Mutex(seconds * 1_000_000_000) }

  var clock: AccessClock {
    AccessClock(
      microseconds: { self.now / 1_000 }, steadyNanoseconds: { self.now })
  }

  var now: Int64 { nanoseconds.withLock { $0 } }
  var microseconds: Int64 { now / 1_000 }

  func advance(seconds: Double) { advance(nanoseconds: Int64(seconds * 1e9)) }
  func advance(nanoseconds count: Int64) { nanoseconds.withLock { $0 += count } }
}
