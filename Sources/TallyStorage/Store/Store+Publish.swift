import Synchronization
import SystemPackage
import TallyBase
import TallyFile

extension Store {
  /// Adds segments to the store and makes an edit of the manifest, in one commit: the only way by
  /// which segments come and go. One at a time; appends and queries go on meanwhile.
  ///
  /// Order of the steps, each durable before the next: segment files; their names in the
  /// partitions; dictionary entries; the manifest's edit, which is the commit. Whatever precedes it
  /// is garbage until then, and is removed here on failure or by the next writer after a crash.
  /// The commit takes along every column and dictionary entry that is in memory by then.
  ///
  /// - Parameters:
  ///   - segments: complete files under their temporary names, with ids from `segmentIDs`. When
  ///     this throws they are still there, or may be named by a commit of unknown outcome.
  ///   - makeEdit: the rest of the edit, given the manifest in force, which nobody changes
  ///     meanwhile. It names the segments removed; their files go once nobody needs them.
  ///   - moves: where rows of the segments removed went, by segment id: the write buffer is told.
  ///   - settled: segments of which no row may die by rows in the buffer: `makeEdit` counts on
  ///     what the manifest says of them.
  ///   - onCommit: called at the moment of the commit, before anyone sees it.
  ///   - threadCount: syncs wait for the disk, not for a core: several at once let it group them.
  /// - Throws: `io`, `corruption`, and what `makeEdit` throws; the store is as before, unless the
  ///   error says that the outcome is unknown.
  @discardableResult
  func publish(
    _ segments: [SegmentInfo], threadCount: Int = 8, moves: [UInt64: RowMove] = [:],
    settled: Set<UInt64> = [], onCommit: () -> Void = {},
    edit makeEdit: (Manifest) throws(TallyError) -> ManifestEdit
  ) throws(TallyError) -> StoreSnapshot {
    try publishAgainIfFull(segments, threadCount: threadCount) { () throws(TallyError) in
      guard let buffer, !moves.isEmpty || !settled.isEmpty else {
        return try commit(segments, try makeEdit(try committedManifest()), onCommit)
      }
      return try buffer.rowsMoved(moves, settled: settled) { () throws(TallyError) in
        try commit(segments, try makeEdit(try committedManifest()), onCommit)
      }
    }
  }

  /// The same for the segments of an import, whose rows may be the same events as buffered ones.
  ///
  /// - Returns: the state committed, and rows of the import whose event the buffer had.
  func publishImport(
    _ segments: [SegmentInfo], threadCount: Int,
    edit makeEdit: (Manifest) throws(TallyError) -> ManifestEdit
  ) throws(TallyError) -> (snapshot: StoreSnapshot, duplicateCount: Int) {
    try publish(segments, threadCount: threadCount) { () throws(TallyError) in
      let edit = try makeEdit(try committedManifest())
      guard let buffer else { return (try commit(segments, edit) {}, 0) }
      let readers = segments.map { segmentFiles.committed($0) }
      return try buffer.joining(readers, key: fingerprinter) { () throws(TallyError) in
        try commit(segments, edit) {}
      }
    }
  }

  /// Runs `commit` once more if the disk was full, unless segments are lost with the first time:
  /// the reserve has made room by then.
  private func publishAgainIfFull<Result>(
    _ segments: [SegmentInfo], threadCount: Int, commit: () throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    do throws(TallyError) {
      return try publish(segments, threadCount: threadCount, commit: commit)
    } catch {
      guard error.code == .diskFull, segments.isEmpty, !isCommitInDoubt else { throw error }
      return try publish(segments, threadCount: threadCount, commit: commit)
    }
  }

  /// Brings segments into place and runs `commit`, with nobody else publishing.
  private func publish<Result>(
    _ segments: [SegmentInfo], threadCount: Int, commit: () throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    try synchronize(segments, threadCount: threadCount)
    defer { wakeMaintenance() }
    return try publishing.withLock { (durablePartitions) throws(TallyError) in
      var step = PublishStep(
        layout: layout, fileSystem: fileSystem, threadCount: threadCount)
      do throws(TallyError) {
        try step.move(segments, durablePartitions: &durablePartitions)
        loadIdentities(of: segments)
        return try commit()
      } catch {
        if !isCommitInDoubt {
          step.undo()
          durablePartitions.subtract(segments.map(\.day))
        }
        throw error
      }
    }
  }

  /// Has the identity indexes of new segments in memory before anyone looks for duplicates in them
  /// with the buffer's lock held. An import may have too many; what fails here is tried again.
  private func loadIdentities(of segments: [SegmentInfo]) {
    guard buffer != nil, segments.count <= 64 else { return }
    for info in segments {
      let reader = segmentFiles.committed(info)
      guard let index = try? reader.identityIndex(fingerprinter) else { continue }
      reader.cache.identityFilter.cover(info.id, index)
    }
  }

  private func commit(
    _ segments: [SegmentInfo], _ made: ManifestEdit, _ onCommit: () -> Void
  ) throws(TallyError) -> StoreSnapshot {
    guard let catalog else { throw Store.notWritable() }
    let manifest = try committedManifest()
    let (schema, tables) = catalog.snapshot()
    var edit = made
    edit.nextSegmentID = segmentIDs.end
    edit.columnsAdded = Array(schema.columns.dropFirst(manifest.schema.columns.count))
    edit.segmentsAdded = segments
    // What the caller wrote anew grows by the commits to come.
    let grown = tables.filter { column, table in
      table.count > (manifest.dictionaries[column]?.entryCount ?? 0)
        && made.dictionaries[column] == nil
    }
    let extents = try appendDictionaries(grown, manifest)
    edit.dictionaries.merge(extents) { _, extent in extent }
    let snapshot = try removing(edit.segmentsRemoved, manifest) { () throws(TallyError) in
      try commit(edit, tables: grown, onCommit: onCommit)
    }
    ImportMarker(layout: layout, fileSystem: fileSystem).remove()
    return snapshot
  }

  /// Makes a commit and hands the files of the segments it removes to the garbage.
  private func removing(
    _ ids: [UInt64], _ manifest: Manifest, commit: () throws(TallyError) -> StoreSnapshot
  ) throws(TallyError) -> StoreSnapshot {
    guard !ids.isEmpty else { return try commit() }
    let segments = manifest.segments.having(ids: ids)
    let garbage = maintenance.garbage
    try garbage.announce(segments)
    var generation: UInt64?
    defer { garbage.settle(segments, generation: generation) }
    let snapshot = try commit()
    generation = snapshot.generation
    return snapshot
  }

  private func appendDictionaries(
    _ tables: [Int: StringTable], _ manifest: Manifest
  ) throws(TallyError) -> [Int: DictionaryExtent] {
    var extents: [Int: DictionaryExtent] = [:]
    var hasNewFile = false
    for (column, table) in tables.sorted(by: { $0.key < $1.key }) {
      let extent = manifest.dictionaries[column] ?? .empty
      if extent.byteCount == 0 { hasNewFile = true }
      extents[column] = try DictionaryAppender.append(
        table, column: column, extent: extent, storeID: manifest.storeID, layout: layout,
        fileSystem: fileSystem)
    }
    if hasNewFile { try fileSystem.synchronizeDirectory(layout.dictionaries) }
    return extents
  }

  /// Where the segments of a commit are written that may spend the reserve.
  var committingFiles: SegmentFiles { segmentFiles.over(fileSystem) }

  private func synchronize(
    _ segments: [SegmentInfo], threadCount: Int
  ) throws(TallyError) {
    let layout = layout
    let fileSystem = fileSystem
    try PublishStep.inParallel(segments.count, threadCount: threadCount) {
      (task) throws(TallyError) in
      let file = try fileSystem.open(layout.temporarySegment(id: segments[task].id), .readWrite)
      try file.synchronize()
      try file.close()
    }
  }
}

/// Segment files on their way from their temporary names into their partitions.
struct PublishStep {
  let layout: StoreLayout
  let fileSystem: any FileSystem
  let threadCount: Int
  private var moved: [SegmentInfo] = []

  init(layout: StoreLayout, fileSystem: any FileSystem, threadCount: Int) {
    self.layout = layout
    self.fileSystem = fileSystem
    self.threadCount = threadCount
  }

  /// Renames synced files and makes their new names durable.
  ///
  /// - Parameter durablePartitions: days whose directories this opening knows to be on disk. One
  ///   that is found may never have been synced: its maker may have been killed.
  mutating func move(
    _ segments: [SegmentInfo], durablePartitions: inout Set<Day>
  ) throws(TallyError) {
    guard !segments.isEmpty else { return }
    try marker.set(segments)
    let days = Set(segments.map(\.day)).sorted()
    let unknown = days.filter { !durablePartitions.contains($0) }
    for day in unknown where try fileSystem.kind(of: layout.partition(day)) == nil {
      try fileSystem.createDirectory(layout.partition(day))
    }
    for segment in segments {
      moved.append(segment)
      try fileSystem.rename(
        layout.temporarySegment(id: segment.id),
        to: layout.segment(day: segment.day, id: segment.id))
    }
    let layout = layout
    let fileSystem = fileSystem
    try PublishStep.inParallel(days.count, threadCount: threadCount) {
      (task) throws(TallyError) in
      try fileSystem.synchronizeDirectory(layout.partition(days[task]))
    }
    if !unknown.isEmpty {
      try fileSystem.synchronizeDirectory(layout.partitions)
      durablePartitions.formUnion(unknown)
    }
  }

  private var marker: ImportMarker { ImportMarker(layout: layout, fileSystem: fileSystem) }

  /// Removes what was moved.
  func undo() {
    for segment in moved {
      try? fileSystem.remove(layout.segment(day: segment.day, id: segment.id))
      try? fileSystem.removeDirectory(layout.partition(segment.day))
    }
    marker.remove()
  }

  static func inParallel(
    _ count: Int, threadCount: Int,
    _ body: @escaping @Sendable (_ task: Int) throws(TallyError) -> Void
  ) throws(TallyError) {
    guard count > 0 else { return }
    try WorkerPool(threadCount: min(count, threadCount)).run(count: count) {
      (task, _) throws(TallyError) in
      try body(task)
    }
  }
}
