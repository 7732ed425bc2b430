internal import Synchronization

/// Bytes of events that were sent and wait to be written, of all connections together. While there
/// are too many, connections that send events are not read; if that lasts, events are refused.
final class RequestMemory: Sendable {
  /// What becomes of those who send events.
  enum Verdict: Equatable {
    case taken
    /// They wait: at most until then, in nanoseconds.
    case held(until: UInt64)
    case refused
  }

  private struct State {
    /// Called when there is room, by connection.
    var waiting: [UInt64: @Sendable () -> Void] = [:]
  }

  private let byteCountMax: Int
  private let patienceNanoseconds: UInt64
  private let byteCount = Atomic<Int>(0)
  /// Since when there were too many, without a moment of less than half; 0: there were not.
  private let fullSince = Atomic<UInt64>(0)
  private let state = Mutex(State())

  init(byteCountMax: Int, patienceMilliseconds: Int) {
    self.byteCountMax = max(1, byteCountMax)
    patienceNanoseconds = UInt64(max(0, patienceMilliseconds)) * 1_000_000
  }

  /// More bytes wait, or fewer.
  func change(by difference: Int, at now: UInt64) {
    // Whoever adds marks, then looks again; whoever takes away takes away, then looks for the
    // mark. In one order of all of it, one of them sees the other.
    let count = byteCount.add(difference, ordering: .sequentiallyConsistent).newValue
    if difference > 0 {
      guard count > byteCountMax else { return }
      _ = fullSince.compareExchange(
        expected: 0, desired: max(1, now), ordering: .sequentiallyConsistent)
    }
    guard fullSince.load(ordering: .sequentiallyConsistent) != 0,
      byteCount.load(ordering: .sequentiallyConsistent) <= byteCountMax / 2
    else { return }
    let waiting = state.withLock { state in
      fullSince.store(0, ordering: .sequentiallyConsistent)
      defer { state.waiting = [:] }
      return state.waiting
    }
    for resume in waiting.values { resume() }
  }

  func verdict(at now: UInt64) -> Verdict {
    let start = fullSince.load(ordering: .relaxed)
    guard start > 0 else { return .taken }
    let end = start &+ patienceNanoseconds
    return now < end ? .held(until: end) : .refused
  }

  /// Calls `resume` once, on any thread, when there is room; false if there is.
  func wait(_ number: UInt64, _ resume: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      guard fullSince.load(ordering: .sequentiallyConsistent) != 0 else { return false }
      state.waiting[number] = resume
      return true
    }
  }

  func forget(_ number: UInt64) {
    state.withLock { state in state.waiting[number] = nil }
  }
}
