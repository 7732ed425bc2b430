import Synchronization

/// Counts the bytes that rollup tables hold in decoded columns and makes the least used ones let
/// go of theirs; and gives segments of equal rollups one catalog.
final class RollupCache: Sendable {
  let byteCountMax: Int
  private let state = Mutex(State())

  private struct State {
    var tables: [Entry] = []
    var hand = 0
    var byteCount = 0
    var catalogs: [[RollupDefinition]: RollupCatalog] = [:]
  }

  private struct Entry {
    weak var table: DecodedRollup?
  }

  /// Most catalogs that are shared; a store has a handful.
  private static let catalogCountMax = 256

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// Bytes of all decoded columns.
  var byteCount: Int { state.withLock { $0.byteCount } }

  /// The one catalog of these definitions.
  func catalog(_ definitions: [RollupDefinition]) -> RollupCatalog {
    state.withLock { state in
      if let known = state.catalogs[definitions] { return known }
      if state.catalogs.count >= RollupCache.catalogCountMax { state.catalogs = [:] }
      let catalog = RollupCatalog(definitions)
      state.catalogs[definitions] = catalog
      return catalog
    }
  }

  /// A table is there that will hold columns.
  func register(_ table: DecodedRollup) {
    let kept = state.withLock { state -> [DecodedRollup] in
      var kept: [DecodedRollup] = []
      if state.tables.count == state.tables.capacity {
        kept = state.tables.compactMap(\.table)
        state.tables = kept.map { Entry(table: $0) }
        state.tables.reserveCapacity(2 * kept.count + 16)
        state.hand = 0
      }
      state.tables.append(Entry(table: table))
      return kept
    }
    _ = consume kept
  }

  /// A table has decoded a column; others may have to give way.
  func grow(by byteCount: Int) {
    // Tables are let go of outside of the lock: the last reference may be this one.
    let kept = state.withLock { state -> [DecodedRollup] in
      state.byteCount += byteCount
      var kept: [DecodedRollup] = []
      var visitCount = 0
      while state.byteCount > byteCountMax, visitCount < 2 * state.tables.count {
        visitCount += 1
        state.hand = state.hand + 1 < state.tables.count ? state.hand + 1 : 0
        guard let table = state.tables[state.hand].table else { continue }
        kept.append(table)
        state.byteCount -= table.removeColumnsUnlessRecent()
      }
      return kept
    }
    _ = consume kept
  }

  /// A table that held so much is gone.
  func shrink(by byteCount: Int) {
    state.withLock { $0.byteCount -= byteCount }
  }

  /// Forgets all decoded columns.
  func removeAll() {
    let kept = state.withLock { state -> [DecodedRollup] in
      let tables = state.tables.compactMap(\.table)
      for table in tables { state.byteCount -= table.removeColumns() }
      return tables
    }
    _ = consume kept
  }
}
