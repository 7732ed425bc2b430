internal import Synchronization
internal import TallyBase
internal import TallyExecution
internal import TallyPlanning
internal import TallyStorage

/// Statements that were run on the newest state of a store, so that running one again begins with
/// reading: a dashboard asks the same questions again and again.
///
/// What is kept is how to answer, never the answer. It is dropped as soon as a query sees another
/// state of the store.
package final class PlanCache: Sendable {
  /// A statement and the values of its parameters.
  struct Statement: Hashable {
    var text: String
    var parameters: [Value]
  }

  struct Entry: Sendable {
    let query: BoundQuery
    let plan: PreparedPlan
    fileprivate let byteCount: Int
    fileprivate var latestUse: UInt64
  }

  private struct Key: Hashable {
    var statement: Statement
    var options: ExecutionOptions
    /// Whose rows the plan reads. Names are looked up for them as well.
    var scope: OrgScope?
  }

  private struct State {
    var number: UInt64?
    var entries: [Key: Entry] = [:]
    var byteCount = 0
    var useCount: UInt64 = 0

    mutating func removeAll() {
      entries.removeAll()
      byteCount = 0
    }

    mutating func remove(_ key: Key) {
      byteCount -= entries.removeValue(forKey: key)?.byteCount ?? 0
    }
  }

  private let state = Mutex(State())

  private static let entryCountMax = 64
  private static let byteCountMax = 16 << 20
  /// Longer texts are not kept.
  private static let textByteCountMax = 4096

  package init() {}

  /// What is known of a statement.
  ///
  /// - Parameters:
  ///   - number: of the snapshot the statement is run on; what was kept for another is dropped.
  ///   - now: the time of the query.
  func find(
    _ statement: Statement, _ options: ExecutionOptions, _ scope: OrgScope?, _ number: UInt64,
    now: Int64
  ) -> Entry? {
    state.withLock { state in
      guard state.number == number else {
        state.removeAll()
        return nil
      }
      let key = Key(statement: statement, options: options, scope: scope)
      guard var entry = state.entries[key], entry.query.validTimes.contains(now) else {
        return nil
      }
      state.useCount += 1
      entry.latestUse = state.useCount
      state.entries[key] = entry
      return entry
    }
  }

  /// Keeps what is known of a statement after it has run, in place of what was used longest ago.
  func insert(
    _ statement: Statement, _ options: ExecutionOptions, _ scope: OrgScope?, _ number: UInt64,
    _ query: BoundQuery, _ plan: PreparedPlan
  ) {
    guard plan.isKept, statement.text.utf8.count <= PlanCache.textByteCountMax else { return }
    let byteCount = plan.heldByteCount
    state.withLock { state in
      if state.number != number {
        state.removeAll()
        state.number = number
      }
      let key = Key(statement: statement, options: options, scope: scope)
      state.remove(key)
      while state.entries.count >= PlanCache.entryCountMax
        || state.byteCount + byteCount > PlanCache.byteCountMax
      {
        guard let oldest = state.entries.min(by: { $0.value.latestUse < $1.value.latestUse })
        else { break }
        state.remove(oldest.key)
      }
      state.useCount += 1
      state.byteCount += byteCount
      state.entries[key] = Entry(
        query: query, plan: plan, byteCount: byteCount, latestUse: state.useCount)
    }
  }

  func removeAll() {
    state.withLock { $0.removeAll() }
  }
}
