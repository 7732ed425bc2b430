internal import Synchronization
internal import TallyWire

/// The connections that are open, by number.
final class ConnectionRegistry: Sendable {
  /// What others may do to a connection. Called on any thread.
  struct Entry: Sendable {
    var key: String
    /// Stops queries by tag, nil: all, and tells how many.
    var cancel: @Sendable (_ tag: String?, _ completion: @escaping @Sendable (Int) -> Void) -> Void
    var drain: @Sendable (_ milliseconds: Int) -> Void
    var close: @Sendable () -> Void
  }

  private struct State {
    var nextNumber: UInt64 = 1
    var entries: [UInt64: Entry] = [:]
  }

  private let state = Mutex(State())

  var count: Int { state.withLock { $0.entries.count } }
  var entries: [Entry] { state.withLock { Array($0.entries.values) } }

  func nextNumber() -> UInt64 {
    state.withLock { state in
      defer { state.nextNumber += 1 }
      return state.nextNumber
    }
  }

  func insert(_ entry: Entry, number: UInt64) {
    state.withLock { $0.entries[number] = entry }
  }

  func remove(_ number: UInt64) {
    _ = state.withLock { $0.entries.removeValue(forKey: number) }
  }

  /// The connection of this number, if the key is its own.
  func find(_ number: UInt64, key: String) -> Entry? {
    guard let entry = state.withLock({ $0.entries[number] }) else { return nil }
    return ConnectionRegistry.isEqual(entry.key, key) ? entry : nil
  }

  /// Takes the same time wherever the texts differ.
  private static func isEqual(_ left: String, _ right: String) -> Bool {
    guard left.utf8.count == right.utf8.count else { return false }
    return zip(left.utf8, right.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// A secret of 128 bits.
  static func makeKey() -> String {
    (0..<2).map { _ in
      let digits = String(UInt64.random(in: .min ... .max), radix: 16)
      return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }.joined()
  }
}
