import Synchronization

/// Slows down guessing. Three failures from an address close the connection, and from then on
/// further failures from there are neither told apart nor written down for a second, then two, then
/// four, up to five minutes; fifteen minutes without a failure and all is forgotten. Who shows a
/// right secret is let in at any time: whoever shares an address with somebody who guesses should
/// not notice.
///
/// Nobody guesses 256 bits. This keeps a broken client, or somebody who tries, from filling the
/// audit log and the processor. Addresses are remembered in two halves; when the younger is full
/// the elder is dropped, so memory is bounded whatever comes.
package final class FailureLimiter: Sendable {
  package struct Options: Hashable, Sendable {
    /// Failures until the connection is closed and the waiting begins.
    package var failureCountMax = 3
    package var firstWaitNanoseconds: Int64 = 1_000_000_000
    package var waitNanosecondsMax: Int64 = 300_000_000_000
    package var memoryNanoseconds: Int64 = 900_000_000_000
    /// Addresses that are remembered; about 100 bytes each.
    package var countMax = 16_384

    package init() {}
  }

  /// What a failure leads to.
  package struct Verdict: Hashable, Sendable {
    /// `attempts_left=`; 0: close the connection.
    package var attemptsLeft: Int
    /// How long failures from there are not told apart.
    package var waitMilliseconds: Int64
  }

  private struct Entry: Sendable {
    var failureCount = 0
    var lastFailure: Int64
    var blockedUntil = Int64.min
  }

  private struct State {
    var young: [AddressKey: Entry] = [:]
    var old: [AddressKey: Entry] = [:]
  }

  private let options: Options
  private let clock: AccessClock
  private let state = Mutex(State())

  package init(_ options: Options = Options(), clock: AccessClock = .system) {
    self.options = options
    self.clock = clock
  }

  /// Addresses that are remembered now.
  package var addressCount: Int { state.withLock { $0.young.count + $0.old.count } }

  /// `backOff` while the address must wait.
  package func wait(of address: AddressKey) -> AccessRefusal? {
    let wait = state.withLock { state -> Int64 in
      guard let entry = state.young[address] ?? state.old[address] else { return 0 }
      let now = clock.steadyNanoseconds()
      return entry.blockedUntil > now ? entry.blockedUntil &- now : 0
    }
    return wait > 0 ? .backOff(milliseconds: (wait &+ 999_999) / 1_000_000) : nil
  }

  /// How many failures of an address are left until it must wait.
  package func attemptsLeft(_ address: AddressKey) -> Int {
    state.withLock { state in
      guard let entry = state.young[address] ?? state.old[address],
        clock.steadyNanoseconds() &- entry.lastFailure <= options.memoryNanoseconds
      else { return options.failureCountMax }
      return max(0, options.failureCountMax &- entry.failureCount)
    }
  }

  /// After a secret turned out wrong.
  package func recordFailure(_ address: AddressKey) -> Verdict {
    state.withLock { state in
      let now = clock.steadyNanoseconds()
      var entry = state.young[address] ?? state.old[address] ?? Entry(lastFailure: now)
      if now &- entry.lastFailure > options.memoryNanoseconds { entry = Entry(lastFailure: now) }
      entry.failureCount = min(entry.failureCount &+ 1, 1_000_000)
      entry.lastFailure = now
      let beyond = entry.failureCount &- options.failureCountMax
      var wait: Int64 = 0
      if beyond >= 0 {
        wait = options.firstWaitNanoseconds
        for _ in 0..<min(beyond, 62) where wait < options.waitNanosecondsMax { wait &*= 2 }
        wait = min(wait, options.waitNanosecondsMax)
        entry.blockedUntil = now &+ wait
      }
      remember(entry, of: address, in: &state)
      return Verdict(
        attemptsLeft: max(0, 0 &- beyond), waitMilliseconds: (wait &+ 999_999) / 1_000_000)
    }
  }

  private func remember(_ entry: Entry, of address: AddressKey, in state: inout State) {
    if state.young[address] == nil, state.young.count >= max(1, options.countMax / 2) {
      state.old = state.young
      state.young = [:]
    }
    state.old[address] = nil
    state.young[address] = entry
  }
}
