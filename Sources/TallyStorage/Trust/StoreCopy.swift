package import SystemPackage
package import TallyBase
import TallyFile

/// How a store is copied.
package struct CopyOptions: Sendable {
  /// Whether segments become further names of the same files, where the file system lets them.
  package var isLinking = true
  /// Whether every file is verified before it is copied, and read again afterwards.
  package var isVerifying = false
  package var threadCount = 1
  package var cancellation = CancellationToken()

  package init() {}
}

/// What a copy of a store holds.
package struct CopySummary: Hashable, Sendable {
  package var generation: UInt64 = 0
  package var segmentCount = 0
  /// Rows of segments that are not dead.
  package var rowCount = 0
  /// Segments that share their bytes with the original.
  package var linkedCount = 0
  /// Bytes of all segments and dictionaries.
  package var byteCount: Int64 = 0
  /// Records of the log that are in no segment.
  package var logRecordCount = 0
  /// Segments that are marked as damaged, which are copied as they are.
  package var damagedCount = 0

  package init() {}
}

/// Copies one committed state of a store, and the records of its log, into a new directory.
///
/// `CURRENT` is written last, so that a copy which did not come to its end is no store. Until then
/// the file `INCOMPLETE` says what the directory is.
struct StoreCopy {
  let source: StoreLayout
  let target: StoreLayout
  let fileSystem: any FileSystem
  let options: CopyOptions
  private var summary = CopySummary()

  init(
    from source: StoreLayout, to target: StoreLayout, fileSystem: any FileSystem,
    options: CopyOptions
  ) {
    self.source = source
    self.target = target
    self.fileSystem = fileSystem
    self.options = options
  }

  /// - Throws: `invalidArgument` if the target is not a free place, `corruption`, `io`,
  ///   `diskFull`, `cancelled`; then the target is no store.
  mutating func run() throws(TallyError) -> CopySummary {
    try prepareTarget()
    var manifest = try copyLog()
    try copySegments(&manifest)
    try copyDictionaries(manifest)
    for directory in [target.temporary, target.dictionaries, target.partitions] {
      try fileSystem.synchronizeDirectory(directory)
    }
    try fileSystem.remove(target.incompleteMarker)
    var writer = ManifestWriter(
      layout: target, fileSystem: fileSystem, manifest: manifest, number: 0)
    try writer.writeSnapshot(manifest)
    try writer.close()
    summary.generation = manifest.generation
    summary.segmentCount = manifest.segments.count
    summary.damagedCount = manifest.damagedSegments.count
    summary.rowCount =
      manifest.segments.reduce(0) { $0 &+ $1.rowCount }
      &- manifest.deletedRows.values.reduce(0) { $0 &+ $1.count }
    return summary
  }

  // MARK: Target

  private func prepareTarget() throws(TallyError) {
    let root = target.root
    guard source.relativePath(root) == root.string, root != source.root else {
      throw TallyError(
        .invalidArgument, "'\(root)' lies within the store, expected another place",
        path: root.string)
    }
    switch try fileSystem.kind(of: root) {
    case nil:
      try fileSystem.createDirectory(root)
      let parent = root.removingLastComponent()
      try fileSystem.synchronizeDirectory(parent.isEmpty ? FilePath(".") : parent)
    case .directory:
      guard try fileSystem.contents(ofDirectory: root).isEmpty else {
        let isIncomplete = try fileSystem.kind(of: target.incompleteMarker) == .file
        throw TallyError(
          .invalidArgument, "the directory '\(root)' is not empty",
          hint: isIncomplete
            ? "it is a copy that was interrupted: remove it and try again"
            : "name one that is, or that does not exist yet", path: root.string)
      }
    default:
      throw TallyError(
        .invalidArgument, "'\(root)' is a file, expected a free place", path: root.string)
    }
    let marker = try fileSystem.open(target.incompleteMarker, .createNew)
    try marker.write(
      Array("This copy of a store is not complete. If nobody is making it, remove it.\n".utf8),
      at: 0)
    try marker.synchronize()
    try marker.close()
    for directory in [target.dictionaries, target.partitions, target.temporary] {
      try fileSystem.createDirectory(directory)
    }
    try fileSystem.synchronizeDirectory(root)
  }

  // MARK: Log

  /// A writer may flush and remove log files between the reading of the manifest and of the log.
  private static let attemptCountMax = 5

  /// Copies the records that the manifest's segments do not have.
  ///
  /// - Returns: the manifest of the copy.
  private mutating func copyLog() throws(TallyError) -> Manifest {
    var manifest = try ManifestLoader.load(source, fileSystem: fileSystem).manifest
    for _ in 1..<StoreCopy.attemptCountMax {
      do throws(TallyError) {
        return try copyLog(of: manifest)
      } catch {
        let now = try ManifestLoader.load(source, fileSystem: fileSystem).manifest
        if now.appliedLSN == manifest.appliedLSN { throw error }
        manifest = now
      }
    }
    return try copyLog(of: manifest)
  }

  private mutating func copyLog(of original: Manifest) throws(TallyError) -> Manifest {
    var manifest = original
    manifest.logNumber = 0
    let recovery = LogRecovery(
      at: LogPlace(source, fileSystem: fileSystem, storeID: original.storeID),
      newestNumber: original.logNumber, isWriterActive: true)
    var records = 0
    var writer = LogFileWriter?.none
    let place = LogPlace(target, fileSystem: fileSystem, storeID: original.storeID)
    let number = max(1, original.logNumber)
    let options = options
    _ = try recovery.recover(above: original.appliedLSN) { (record) throws(TallyError) in
      try options.cancellation.check()
      if options.isVerifying {
        _ = try EventBatchCodec(decoding: record.payload, lsn: record.lsn)
      }
      if records == 0 {
        writer = try LogFileWriter(place, number: number, firstLSN: record.lsn)
      }
      try writer?.append(record.payload)
      records += 1
    }
    if records > 0 {
      try writer?.finish()
      manifest.logNumber = number
    }
    summary.logRecordCount = records
    return manifest
  }

  // MARK: Segments

  private mutating func copySegments(_ manifest: inout Manifest) throws(TallyError) {
    for day in Set(manifest.segments.map(\.day)).sorted() {
      try fileSystem.createDirectory(target.partition(day))
    }
    let work = SegmentCopy(
      source: source, target: target, fileSystem: fileSystem, options: options,
      context: SegmentContext(manifest), damaged: Set(manifest.damagedSegments.keys))
    let segments = manifest.segments
    let threadCount = max(1, min(options.threadCount, segments.count))
    try WorkerPool(threadCount: threadCount).run(count: segments.count) {
      (task, _) throws(TallyError) in
      try work.copy(segments[task])
    }
    for day in Set(segments.map(\.day)).sorted() {
      try fileSystem.synchronizeDirectory(target.partition(day))
    }
    summary.linkedCount = work.linkedCount
    summary.byteCount += segments.reduce(0) { $0 + $1.byteCount }
  }

  // MARK: Dictionaries

  /// Dictionaries grow, so they are never linked, and cut to what is committed.
  private mutating func copyDictionaries(_ manifest: Manifest) throws(TallyError) {
    let set = DictionarySet(manifest: manifest, layout: source, fileSystem: fileSystem)
    let copy = FileCopy(
      fileSystem: fileSystem, isVerifying: options.isVerifying,
      cancellation: options.cancellation)
    for (column, extent) in manifest.dictionaries.sorted(by: { $0.key < $1.key })
    where extent.byteCount > 0 {
      if options.isVerifying { _ = try set.dictionary(column: column) }
      try copy.copy(
        source.dictionary(column: column, version: extent.version),
        to: target.dictionary(column: column, version: extent.version),
        byteCount: extent.byteCount)
      summary.byteCount += extent.byteCount
    }
  }
}

extension StoreLayout {
  /// Present in a copy of a store that has not come to its end.
  package var incompleteMarker: FilePath { root.appending("INCOMPLETE") }
}
