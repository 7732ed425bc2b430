import Synchronization
package import TallyBase

/// One committed state of a store.
package struct StoreSnapshot: Sendable {
  package let schema: Schema
  /// Ascending by day, then id.
  package let segments: SegmentList
  /// Grows by one with each commit.
  package let generation: UInt64
  /// Tells what this snapshot shows from what any other of the process shows, rows in memory
  /// included: two of one number are the same rows. A later one has a greater number.
  package private(set) var number = StoreSnapshot.nextNumber()
  let dictionaries: DictionarySet
  /// What became of rows that were given to the store, those in memory not counted.
  package let counters: IngestCounters
  /// Rows that are dead, by segment id; scans leave them out.
  package internal(set) var deletedRows: [UInt64: DeletedRows] {
    didSet { number = StoreSnapshot.nextNumber() }
  }
  /// Why a segment is not to be trusted, by segment id.
  package let damagedSegments: [UInt64: String]
  /// Keeps the files of this state from being removed.
  private(set) var pin: SnapshotPin?

  private static let count = Atomic<UInt64>(0)

  private static func nextNumber() -> UInt64 {
    count.add(1, ordering: .relaxed).newValue
  }

  /// - Parameters:
  ///   - previous: an earlier state, whose dictionaries are used again.
  ///   - removed: segments that the state before it had, by id; nil: not known.
  /// - Complexity: O(segments) to add up their rows; nothing is made for each.
  init(
    manifest: Manifest, files: SegmentFiles, previous: StoreSnapshot?, removed: [UInt64]? = nil
  ) {
    schema = manifest.schema
    generation = manifest.generation
    deletedRows = manifest.deletedRows
    counters = manifest.counters
    damagedSegments = manifest.damagedSegments
    pin = files.registry.pin(manifest.generation)
    dictionaries = DictionarySet(
      manifest: manifest, layout: files.layout, fileSystem: files.fileSystem,
      previous: previous?.dictionaries)
    files.readers.show(manifest.segments, removed: removed)
    segments = SegmentList(manifest.segments, readers: files.readers)
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
    segments = added.isEmpty ? base.segments : base.segments.adding(added)
  }

  /// Marks rows of this state's segments dead.
  func delete(_ rows: [UInt64: Set<Int>], in deleted: inout [UInt64: DeletedRows]) {
    for info in segments.having(ids: rows.keys) {
      guard let dead = rows[info.id] else { continue }
      var set = deleted[info.id] ?? DeletedRows(rowCount: info.rowCount)
      for row in dead where row < info.rowCount { set.insert(row) }
      deleted[info.id] = set
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
    segments.rowCount &- deletedRows.values.reduce(0) { $0 &+ $1.count }
  }
}
