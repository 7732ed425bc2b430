internal import Synchronization

/// Numbers batches, so that one that is sent again is stored once.
///
/// The server remembers the last 64 numbers of a producer and takes older ones for stored. So
/// while the oldest batch under way is that far behind, none begins.
final class ProducerSequence: Sendable {
  /// Consecutive numbers that may be under way.
  static let windowCount: UInt64 = 64

  fileprivate struct State {
    var next: UInt64 = 1
    var underWay: Set<UInt64> = []
    var waiters: [OneShot<UInt64>] = []
  }

  private let state = Mutex(State())
  private let waiterCountMax: Int

  init(waiterCountMax: Int) { self.waiterCountMax = waiterCountMax }

  /// The next number; it is under way until `end`.
  func begin() async throws(TallyClientError) -> UInt64 {
    let waiter = OneShot<UInt64>()
    let countMax = waiterCountMax
    let isFull = state.withLock { state -> Bool in
      guard state.waiters.count < countMax else { return true }
      state.waiters.append(waiter)
      state.serve()
      return false
    }
    guard !isFull else {
      throw TallyClientError(
        .poolFull, "\(countMax) batches wait to be sent already", isRetryable: true)
    }
    return try await waiter.get()
  }

  func end(_ number: UInt64) {
    state.withLock { state in
      state.underWay.remove(number)
      state.serve()
    }
  }
}

extension ProducerSequence.State {
  /// Gives out numbers while the window has room. Who has given up does not take one.
  fileprivate mutating func serve() {
    while let first = waiters.first {
      if let oldest = underWay.min(), next - oldest >= ProducerSequence.windowCount { return }
      waiters.removeFirst()
      guard first.set(.success(next)) else { continue }
      underWay.insert(next)
      next &+= 1
    }
  }
}
