import TallyBase

/// The duplicates that an import brings, found before it is published, and found again if the
/// store has changed by then.
struct ImportDuplicates {
  private let store: Store
  private let pool: WorkerPool
  private let memoryByteCountMax: Int
  private let segments: [SegmentInfo]
  /// Files beside the segments, by segment id; segments without event ids have none.
  private let arrivals: [UInt64: SegmentInfo]
  /// What was found, and in which state of the store.
  private var found: (rivals: [Rival], verdict: DuplicateVerdict)?

  /// A segment of the store, with all that can change about it.
  private struct Rival: Equatable {
    var id: UInt64
    var deleted: DeletedRows?
    var isDamaged: Bool
  }

  init(_ bulk: BulkImport, segments: [SegmentInfo], arrivals: [UInt64: SegmentInfo]) {
    store = bulk.store
    pool = bulk.pool
    memoryByteCountMax = bulk.options.memoryByteCountMax / 8 * 5
    self.segments = segments.filter { arrivals[$0.id] != nil }
    self.arrivals = arrivals
  }

  /// Flushes the write buffer and searches while the segments still have their temporary names, so
  /// that others may publish meanwhile.
  ///
  /// - Throws: `io`, `corruption`.
  mutating func prepare() throws(TallyError) {
    guard !segments.isEmpty else { return }
    // Rows that came before the import are met with all others, not after them.
    try store.flush()
    let snapshot = try current()
    found = (rivals(snapshot), try search(snapshot, arePublished: false))
  }

  /// What dies by the import's commit; called by the edit of `publish`.
  ///
  /// - Throws: `io`, `corruption`.
  func verdict() throws(TallyError) -> DuplicateVerdict {
    guard !segments.isEmpty else { return DuplicateVerdict() }
    let snapshot = try current()
    if let found, found.rivals == rivals(snapshot) { return found.verdict }
    return try search(snapshot, arePublished: true)
  }

  /// The rows that the import meets. Those in the write buffer meet it when it joins the store.
  private func current() throws(TallyError) -> StoreSnapshot {
    guard let buffer = store.buffer else { return try store.committedSnapshot() }
    return try buffer.settled { () throws(TallyError) in try store.committedSnapshot() }
  }

  private func search(
    _ snapshot: StoreSnapshot, arePublished: Bool
  ) throws(TallyError) -> DuplicateVerdict {
    let files = store.segmentFiles
    var sources = segments.map { info in
      DuplicateSource(
        reader: arePublished ? files.committed(info) : files.temporary(info, cache: files.cache),
        isImported: true,
        arrivals: arrivals[info.id].map { files.temporary($0, cache: files.cache) },
        deleted: nil)
    }
    for reader in readersInWindow(snapshot) {
      let id = reader.info.id
      guard snapshot.damagedSegments[id] == nil else { continue }
      sources.append(
        DuplicateSource(
          reader: reader, isImported: false, arrivals: nil, deleted: snapshot.deletedRows[id]))
    }
    return try DuplicateSearch(
      sources: sources, key: snapshot.fingerprinter, pool: pool,
      memoryByteCountMax: memoryByteCountMax
    ).run()
  }

  private func rivals(_ snapshot: StoreSnapshot) -> [Rival] {
    readersInWindow(snapshot).map { reader in
      Rival(
        id: reader.info.id, deleted: snapshot.deletedRows[reader.info.id],
        isDamaged: snapshot.damagedSegments[reader.info.id] != nil)
    }
  }

  /// Segments on days so near to the import's that rows may be the same event.
  private func readersInWindow(_ snapshot: StoreSnapshot) -> [SegmentReader] {
    guard let first = segments.map(\.day).min(), let last = segments.map(\.day).max() else {
      return []
    }
    return Array(snapshot.segments.segments(of: DuplicateRule.window(around: first...last)))
  }
}
