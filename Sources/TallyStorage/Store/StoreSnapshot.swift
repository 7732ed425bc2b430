package import TallyBase

/// One committed state of a store.
package struct StoreSnapshot: Sendable {
  package let schema: Schema
  /// Ascending by day, then id.
  package let segments: [SegmentReader]
  /// Grows by one with each commit.
  package let generation: UInt64
  let dictionaries: DictionarySet
  /// Rows that are dead, by segment id; scans leave them out.
  package internal(set) var deletedRows: [UInt64: DeletedRows]
  /// Why a segment is not to be trusted, by segment id.
  package let damagedSegments: [UInt64: String]

  /// - Parameter previous: an earlier state, whose open readers and dictionaries are used again.
  init(manifest: Manifest, files: SegmentFiles, previous: StoreSnapshot?) {
    schema = manifest.schema
    generation = manifest.generation
    deletedRows = manifest.deletedRows
    damagedSegments = manifest.damagedSegments
    dictionaries = DictionarySet(
      manifest: manifest, layout: files.layout, fileSystem: files.fileSystem,
      previous: previous?.dictionaries)
    var known: [UInt64: SegmentReader] = [:]
    for reader in previous?.segments ?? [] { known[reader.info.id] = reader }
    segments = manifest.segments.map { known[$0.id] ?? files.committed($0) }
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
