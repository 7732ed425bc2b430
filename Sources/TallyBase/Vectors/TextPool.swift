import Synchronization

/// The strings behind a text vector's codes: code 0 is NULL, codes `1...count` are entries that
/// never change once given out.
///
/// A pool is either frozen (a symbol column's dictionary, the results of an expression over one)
/// or shared: threads of one query add entries, so that equal strings have equal codes wherever
/// they were produced and grouping works on codes alone.
package final class TextPool: Sendable {
  private let frozen: StringTable?
  private let growing: Mutex<StringTable>
  private let budget: MemoryBudget?

  /// A pool that no longer grows.
  package init(frozen table: StringTable) {
    frozen = table
    growing = Mutex(StringTable())
    budget = nil
  }

  /// An empty pool that grows within `budget`.
  package init(budget: MemoryBudget) {
    frozen = nil
    growing = Mutex(StringTable())
    self.budget = budget
  }

  package var isFrozen: Bool { frozen != nil }

  /// Number of entries.
  package var count: Int { frozen?.count ?? growing.withLock { $0.count } }

  /// Runs `body` with the table. Of a shared pool the lock is held meanwhile: do a batch at once.
  package func withTable<Result>(
    _ body: (borrowing StringTable) throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    if let frozen { return try body(frozen) }
    return try growing.withLock { (table) throws(TallyError) -> Result in try body(table) }
  }

  /// Runs `body` with the growing table and charges what it added to the budget.
  ///
  /// - Throws: what `body` throws, `internal` on a frozen pool, `resourceExhausted` over budget.
  package func withGrowingTable<Result>(
    _ body: (inout StringTable) throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    guard frozen == nil else {
      throw TallyError(.internal, "a frozen text pool was asked to grow")
    }
    return try growing.withLock { (table) throws(TallyError) -> Result in
      let before = table.heap.count + table.count * TextPool.entryOverheadByteCount
      let result = try body(&table)
      let after = table.heap.count + table.count * TextPool.entryOverheadByteCount
      if after > before { try budget?.reserve(after - before) }
      return result
    }
  }

  /// The bytes of `code`, nil for NULL.
  package func bytes(_ code: SymbolCode) -> ByteString? {
    guard code != nullSymbolCode else { return nil }
    if let frozen { return frozen.string(code) }
    return growing.withLock { $0.string(code) }
  }

  /// Offset, hash and up to four slots of four bytes an entry.
  private static let entryOverheadByteCount = 32
}
