import Synchronization
import TallyBase
import TallyFile

/// Slows work down to a number of bytes a second.
final class RateLimiter: Sendable {
  private let byteCountPerSecond: Int?
  private let cancellation: CancellationToken
  /// Bytes that have been spent faster than they should, and when that was so.
  private let debt = Mutex<(byteCount: Double, time: UInt64)>((0, 0))

  /// Waits are cut into pieces this long, so that cancelling does not take longer.
  private static let pauseNanosecondsMax: UInt64 = 20_000_000

  /// - Parameter byteCountPerSecond: nil: no limit.
  init(byteCountPerSecond: Int?, cancellation: CancellationToken) {
    self.byteCountPerSecond = byteCountPerSecond.map { max(1, $0) }
    self.cancellation = cancellation
  }

  /// Waits until the bytes spent so far fit the rate.
  ///
  /// - Throws: `cancelled`.
  func spend(_ byteCount: Int) throws(TallyError) {
    guard let rate = byteCountPerSecond else { return }
    let now = SteadyClock.nowNanoseconds()
    let seconds = debt.withLock { debt -> Double in
      if debt.time == 0 { debt.time = now }
      let paid = Double(now &- debt.time) / 1e9 * Double(rate)
      debt = (max(0, debt.byteCount - paid) + Double(byteCount), now)
      return debt.byteCount / Double(rate)
    }
    let end = now &+ UInt64(min(seconds, 3_600) * 1e9)
    while true {
      try cancellation.check()
      let time = SteadyClock.nowNanoseconds()
      guard time < end else { return }
      SteadyClock.sleep(nanoseconds: min(end - time, RateLimiter.pauseNanosecondsMax))
    }
  }
}
