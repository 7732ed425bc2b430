internal import Synchronization
internal import TallyBase

/// What has been found out of orgs: which names each has in symbol columns, and in which of the
/// columns that events brought it has a value.
///
/// That an org has a name is taken to hold until names are forgotten: a query for a name that is
/// there costs nothing more. That it has not is asked anew of each snapshot.
final class ScopeNames: Sendable {
  private let state = Mutex(State())

  /// Bytes of names that are kept, of one org's column at most a quarter. Full, it forgets all.
  private static let byteCountMax = 16 << 20

  private struct Key: Hashable {
    var org: ByteString
    var column: Int
  }

  private struct Entry {
    var snapshotNumber: UInt64
    var names: Set<ByteString>
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var byteCount = 0
    var columns: [ByteString: Set<Int>] = [:]
    /// Snapshots before this one have what has been taken away since.
    var snapshotNumberMin: UInt64 = 0
  }

  /// Whether an org is known to have a name.
  func contains(_ name: ByteString, org: ByteString, column: Int) -> Bool {
    state.withLock { $0.entries[Key(org: org, column: column)]?.names.contains(name) ?? false }
  }

  /// All names that an org has in a column of a snapshot, if they are known.
  func names(org: ByteString, column: Int, snapshot number: UInt64) -> Set<ByteString>? {
    state.withLock { state in
      guard let entry = state.entries[Key(org: org, column: column)],
        entry.snapshotNumber == number
      else { return nil }
      return entry.names
    }
  }

  /// Keeps all names that an org has in a column of a snapshot, unless they are too many.
  func insert(_ names: Set<ByteString>, org: ByteString, column: Int, snapshot number: UInt64) {
    let byteCount = ScopeNames.byteCount(names)
    guard byteCount <= ScopeNames.byteCountMax / 4 else { return }
    let key = Key(org: org, column: column)
    state.withLock { state in
      guard number >= state.snapshotNumberMin else { return }
      if let old = state.entries.removeValue(forKey: key) {
        state.byteCount -= ScopeNames.byteCount(old.names)
      }
      if state.byteCount + byteCount > ScopeNames.byteCountMax {
        state.entries = [:]
        state.byteCount = 0
      }
      state.entries[key] = Entry(snapshotNumber: number, names: names)
      state.byteCount += byteCount
    }
  }

  /// The columns in which an org is known to have a value.
  func columns(org: ByteString) -> Set<Int> {
    state.withLock { $0.columns[org] ?? [] }
  }

  /// Keeps columns in which an org has a value.
  func insert(columns: Set<Int>, org: ByteString, snapshot number: UInt64) {
    state.withLock { state in
      guard number >= state.snapshotNumberMin else { return }
      if state.columns.count >= ScopeNames.orgCountMax { state.columns = [:] }
      state.columns[org, default: []].formUnion(columns)
    }
  }

  /// Forgets everything: rows have been taken away before the snapshot of this number.
  func forget(before number: UInt64) {
    let gone = state.withLock { state in
      let gone = state
      state = State(snapshotNumberMin: max(number, gone.snapshotNumberMin))
      return gone
    }
    _ = consume gone
  }

  private static let orgCountMax = 65_536

  /// About, and rather too many.
  private static func byteCount(_ names: Set<ByteString>) -> Int {
    names.reduce(256) { $0 + $1.bytes.count + 96 }
  }
}
