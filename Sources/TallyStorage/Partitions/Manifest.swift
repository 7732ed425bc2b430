package import TallyBase

/// How much of a dictionary file is committed.
package struct DictionaryExtent: Hashable, Sendable {
  /// Entries, NULL not counted; the largest committed code.
  package var entryCount: Int
  /// Bytes of the file from its start, file header included. What lies behind is uncommitted.
  package var byteCount: Int64
  /// Which writing of the dictionary: it is part of the file's name. Grows when a dictionary is
  /// written anew because an entry had to go.
  package var version: UInt32

  package static let empty = DictionaryExtent(entryCount: 0, byteCount: 0)

  package init(entryCount: Int, byteCount: Int64, version: UInt32 = 0) {
    self.entryCount = entryCount
    self.byteCount = byteCount
    self.version = version
  }
}

/// One committed state of a store: what is live.
package struct Manifest: Hashable, Sendable {
  package var storeID: StoreID
  /// Grows by one with each commit.
  package var generation: UInt64
  /// Every id below has been given away and is never used again.
  package var nextSegmentID: UInt64
  package var schema: Schema
  /// By column id; columns without an entry have no dictionary file.
  package var dictionaries: [Int: DictionaryExtent]
  /// Ascending by day, then id.
  package var segments: [SegmentInfo]
  /// Rows of log records up to this number are in segments; 0 before the first.
  package var appliedLSN: UInt64 = 0
  /// What each producer's newest batch in a segment was, by producer.
  package var producers: [String: ProducerMark] = [:]
  /// Rows that are dead, by segment id; segments without any have no entry.
  package var deletedRows: [UInt64: DeletedRows] = [:]
  package var counters = IngestCounters()
  /// Number of the newest log file; 0 before the first.
  package var logNumber: UInt64 = 0
  /// Why a segment is not to be trusted, by segment id.
  package var damagedSegments: [UInt64: String] = [:]

  /// A store that holds nothing.
  package init(storeID: StoreID, schema: Schema = .standard) {
    self.storeID = storeID
    generation = 1
    nextSegmentID = 1
    self.schema = schema
    dictionaries = [:]
    segments = []
  }

  /// The state after `edit`, one generation on.
  ///
  /// - Throws: `corruption` if the edit does not fit this state: it comes from disk.
  package func applying(_ edit: ManifestEdit) throws(TallyError) -> Manifest {
    var next = self
    next.generation &+= 1
    try next.absorb(edit)
    return next
  }

  /// Applies an edit and keeps the generation.
  mutating func absorb(_ edit: ManifestEdit) throws(TallyError) {
    if let id = edit.nextSegmentID { nextSegmentID = max(nextSegmentID, id) }
    try absorb(columns: edit.columnsAdded)
    for (column, extent) in edit.dictionaries {
      let version = dictionaries[column]?.version ?? 0
      dictionaries[column] = extent
      dictionaries[column]?.version = max(extent.version, version)
    }
    for (column, version) in edit.dictionaryVersions {
      dictionaries[column, default: .empty].version = version
    }
    segments.remove(ids: edit.segmentsRemoved)
    segments.merge(edit.segmentsAdded)
    try absorb(ingest: edit)
  }

  private mutating func absorb(columns: [ColumnSchema]) throws(TallyError) {
    guard !columns.isEmpty else { return }
    var names = Set(schema.columns.map(\.name))
    for column in columns {
      guard names.insert(column.name).inserted else {
        throw TallyError(.corruption, "the manifest adds column '\(column.name)' twice")
      }
    }
    let all = schema.columns + columns
    guard all.count <= Schema.columnCountMax, all.indices.allSatisfy({ all[$0].id == $0 }) else {
      throw TallyError(
        .corruption, "the manifest's columns are not numbered 0...\(all.count - 1)")
    }
    schema = Schema(columns: all)
  }

  /// This state as one edit of nothing.
  var asEdit: ManifestEdit {
    var edit = ManifestEdit()
    edit.nextSegmentID = nextSegmentID
    edit.columnsAdded = schema.columns
    edit.dictionaries = dictionaries
    edit.segmentsAdded = segments
    edit.appliedLSN = appliedLSN == 0 ? nil : appliedLSN
    edit.producers = producers
    edit.deletedRows = deletedRows
    edit.counters = counters == IngestCounters() ? nil : counters
    edit.damagedSegments = damagedSegments
    edit.logNumber = logNumber == 0 ? nil : logNumber
    edit.dictionaryVersions = dictionaries.compactMapValues { $0.version == 0 ? nil : $0.version }
    return edit
  }
}
