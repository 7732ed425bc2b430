import Synchronization

/// Counts the bytes that rollup tables hold in decoded columns and makes the least used ones let
/// go of theirs; and gives segments of equal rollups one catalog.
final class RollupCache: Sendable {
  private let state = Mutex(State())

  private struct State {
    var byteCountMax = 0
    var tables: [Entry] = []
    var hand = 0
    var byteCount = 0
    var catalogs: [[RollupDefinition]: RollupCatalog] = [:]

    /// Makes tables let go of columns until the bound is kept, those first that nobody has used
    /// since the hand came by.
    ///
    /// - Returns: the tables looked at, to be let go of outside of the lock: the last reference may
    ///   be this one.
    mutating func makeRoom() -> [DecodedRollup] {
      var kept: [DecodedRollup] = []
      var visitCount = 0
      // In the third round nobody is asked: queries may use tables as fast as the hand comes by.
      while byteCount > byteCountMax, visitCount < 3 * tables.count {
        visitCount += 1
        hand = hand + 1 < tables.count ? hand + 1 : 0
        guard let table = tables[hand].table else { continue }
        kept.append(table)
        byteCount -=
          visitCount > 2 * tables.count
          ? table.removeColumns() : table.removeColumnsUnlessRecent()
      }
      return kept
    }
  }

  private struct Entry {
    weak var table: DecodedRollup?
  }

  /// Most catalogs that are shared; a store has a handful.
  private static let catalogCountMax = 256

  var byteCountMax: Int { state.withLock { $0.byteCountMax } }

  /// Sets another bound, and evicts until it is kept. It is 0 at first.
  func resize(to byteCountMax: Int) {
    let kept = state.withLock { state in
      state.byteCountMax = byteCountMax
      return state.makeRoom()
    }
    _ = consume kept
  }

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
    let kept = state.withLock { state in
      state.byteCount += byteCount
      return state.makeRoom()
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
