package import SystemPackage
package import TallyBase
package import TallyFile

/// A store directory, open for reading or for writing.
package final class Store: Sendable {
  package enum Mode: Hashable, Sendable {
    case readOnly
    /// Takes the writer lock; creates the store if nothing is there and `creating` is true.
    case readWrite(creating: Bool)
  }

  package struct Options: Sendable {
    /// Bytes of verified pages kept in memory; nil: a quarter of physical memory.
    package var pageCacheByteCountMax: Int?
    package var segment = SegmentWriter.Options()

    package init() {}
  }

  /// - Throws: `io`, `locked` (naming the holder), `corruption`, `version`; `invalidArgument` if
  ///   `path` is not a store.
  package static func open(
    _ path: FilePath, mode: Mode, fileSystem: any FileSystem, options: Options = Options()
  ) throws(TallyError) -> Store {
    throw TallyError(.internal, "no store")
  }

  /// What is committed now: consistent, immutable, valid while it is held.
  package func snapshot() throws(TallyError) -> StoreSnapshot {
    throw TallyError(.internal, "no store")
  }

  /// Starts a bulk import; one at a time. `add` may be called from many threads.
  package func beginImport(
    options: BulkImport.Options = BulkImport.Options()
  ) throws(TallyError) -> BulkImport {
    throw TallyError(.internal, "no store")
  }

  /// Gives up the lock and closes files.
  package func close() throws(TallyError) {}
}

/// One committed state of a store.
package struct StoreSnapshot: Sendable {
  package var schema: Schema
  /// Ascending by day, then id.
  package var segments: [SegmentReader]
  /// Grows by one with each commit.
  package var generation: UInt64

  /// The dictionary of a symbol column as of this snapshot; loaded on first use.
  package func dictionary(column: Int) throws(TallyError) -> SymbolDictionary {
    throw TallyError(.internal, "no store")
  }
}

/// The entries of one symbol column as of a snapshot: codes `1...count`, code 0 is NULL.
package final class SymbolDictionary: Sendable {
  package let table: StringTable

  package init(table: StringTable) { self.table = table }

  package var count: Int { table.count }
}
