package import TallyBase

/// One committed state of a store.
package struct StoreSnapshot: Sendable {
  package let schema: Schema
  /// Ascending by day, then id.
  package let segments: [SegmentReader]
  /// Grows by one with each commit.
  package let generation: UInt64
  let dictionaries: DictionarySet
  /// What became of rows that were given to the store, those in memory not counted.
  package let counters: IngestCounters
  /// Rows that are dead, by segment id; scans leave them out.
  package internal(set) var deletedRows: [UInt64: DeletedRows]
  /// Why a segment is not to be trusted, by segment id.
  package let damagedSegments: [UInt64: String]
  /// Keeps the files of this state from being removed.
  private(set) var pin: SnapshotPin?

  /// - Parameter previous: an earlier state, whose open readers and dictionaries are used again.
  init(manifest: Manifest, files: SegmentFiles, previous: StoreSnapshot?) {
    schema = manifest.schema
    generation = manifest.generation
    deletedRows = manifest.deletedRows
    counters = manifest.counters
    damagedSegments = manifest.damagedSegments
    pin = files.registry.pin(manifest.generation)
    dictionaries = DictionarySet(
      manifest: manifest, layout: files.layout, fileSystem: files.fileSystem,
      previous: previous?.dictionaries)
    var known: [UInt64: SegmentReader] = [:]
    for reader in previous?.segments ?? [] { known[reader.info.id] = reader }
    segments = manifest.segments.map { known[$0.id] ?? files.committed($0) }
  }

  /// A committed state and rows that are in memory.
  ///
  /// - Parameters:
  ///   - added: segments in memory.
  ///   - deletedRows: of all segments.
  ///   - tables: dictionaries that may be longer than what is committed.
  init(
    _ base: StoreSnapshot, adding added: [SegmentReader], deletedRows: [UInt64: DeletedRows],
    schema: Schema, tables: [Int: StringTable]
  ) {
    self.schema = schema
    self.deletedRows = deletedRows
    generation = base.generation
    counters = base.counters
    damagedSegments = base.damagedSegments
    pin = base.pin
    dictionaries = base.dictionaries.overlaid(with: tables)
    segments =
      added.isEmpty
      ? base.segments
      : (base.segments + added).sorted { left, right in
        left.info.day == right.info.day
          ? left.info.id < right.info.id : left.info.day < right.info.day
      }
  }

  /// Marks rows of this state's segments dead.
  func delete(_ rows: [UInt64: Set<Int>], in deleted: inout [UInt64: DeletedRows]) {
    guard !rows.isEmpty else { return }
    for reader in segments {
      guard let dead = rows[reader.info.id] else { continue }
      var set = deleted[reader.info.id] ?? DeletedRows(rowCount: reader.info.rowCount)
      for row in dead where row < reader.info.rowCount { set.insert(row) }
      deleted[reader.info.id] = set
    }
  }

  /// The same state, whose files may go.
  func unpinned() -> StoreSnapshot {
    var copy = self
    copy.pin = nil
    return copy
  }

  /// The dictionary of a symbol column as of this snapshot; loaded on first use.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  package func dictionary(column: Int) throws(TallyError) -> SymbolDictionary {
    try dictionaries.dictionary(column: column)
  }

  /// Entries of a symbol column's dictionary, NULL not counted, without loading it.
  package func symbolCount(column: Int) -> Int {
    dictionaries.entryCount(column: column)
  }

  /// Rows of all segments that are not dead.
  package var rowCount: Int {
    segments.reduce(0) { $0 &+ $1.info.rowCount } &- deletedRows.values.reduce(0) { $0 &+ $1.count }
  }
}
