import Synchronization
import TallyTerminal

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A progress line on standard error, for work that takes long and is watched.
///
/// It is shown only on a terminal and only after a second, and redrawn at most ten times a second
/// by whoever reports.
final class Progress: Sendable {
  private let verb: String
  /// What 100 % is, in the unit that `update` counts; nil if unknown.
  private let total: Int64?
  private let isShown: Bool
  private let start = ContinuousClock.now
  private let lastDraw = Mutex<ContinuousClock.Instant?>(nil)

  private static let barWidth = 24

  init(verb: String, total: Int64?) {
    self.verb = verb
    self.total = total
    isShown = isatty(STDERR_FILENO) == 1
  }

  /// Draws the line if it is time to.
  func update(done: Int64, rowCount: Int) {
    guard isShown else { return }
    let now = ContinuousClock.now
    let isDue = lastDraw.withLock { last in
      guard now - (last ?? start) >= (last == nil ? .seconds(1) : .milliseconds(100)) else {
        return false
      }
      last = now
      return true
    }
    guard isDue else { return }
    writeError("\r\u{1B}[K" + line(done: done, rowCount: rowCount, elapsed: now - start))
  }

  /// Removes the line.
  func finish() {
    guard lastDraw.withLock({ $0 != nil }) else { return }
    writeError("\r\u{1B}[K")
  }

  private func line(done: Int64, rowCount: Int, elapsed: Duration) -> String {
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    let rate = Double(rowCount) / max(seconds, 0.001)
    let rows = "\(Progress.short(Double(rowCount))) rows, \(Progress.short(rate)) rows/s"
    guard let total, total > 0 else { return "\(verb) \(rows)" }
    let share = min(max(Double(done) / Double(total), 0), 1)
    let filled = Int(share * Double(Progress.barWidth))
    let bar =
      String(repeating: "#", count: filled)
      + String(repeating: "-", count: Progress.barWidth - filled)
    let rest = share > 0 ? Int(seconds / share - seconds) : 0
    return "\(verb) [\(bar)] \(Int(share * 100)) %, \(rows), \(rest) s left"
  }

  /// `1234567` as `1.2 M`.
  private static func short(_ number: Double) -> String {
    for (limit, unit) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where number >= limit {
      let tenths = Int(number / limit * 10)
      return "\(tenths / 10).\(tenths % 10) \(unit)"
    }
    return "\(Int(number))"
  }
}
