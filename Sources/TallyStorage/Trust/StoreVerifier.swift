import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// Compares the files of one committed state with the manifest and with themselves.
///
/// Whoever runs it keeps the state's files from being removed: by a lease, a pin, or the lock.
struct StoreVerifier {
  let layout: StoreLayout
  let fileSystem: any FileSystem
  let manifest: Manifest
  let options: VerifyOptions
  let report: @Sendable (Finding) -> Void
  private(set) var summary = VerifySummary()

  /// - Parameter report: called for each finding, one at a time, in the order of files.
  init(
    _ manifest: Manifest, layout: StoreLayout, fileSystem: any FileSystem,
    options: VerifyOptions, report: @escaping @Sendable (Finding) -> Void
  ) {
    self.manifest = manifest
    self.layout = layout
    self.fileSystem = fileSystem
    self.options = options
    self.report = report
    summary.generation = manifest.generation
  }

  /// - Throws: `cancelled`; `version` if a newer build wrote something; `io` if directories cannot
  ///   be listed.
  mutating func run() throws(TallyError) {
    checkManifest()
    try checkDictionaries()
    try checkSegments()
    try checkLog()
    try checkLeftovers()
  }

  mutating func note(_ finding: Finding) {
    summary.count(finding)
    report(finding)
  }

  mutating func note(logRecordCount: Int) { summary.logRecordCount = logRecordCount }

  // MARK: Manifest

  /// What the manifest says must fit together.
  private mutating func checkManifest() {
    var ids: Set<UInt64> = []
    for segment in manifest.segments {
      if !ids.insert(segment.id).inserted {
        noteManifest("it lists segment \(segment.id) twice")
      }
      if segment.id >= manifest.nextSegmentID {
        noteManifest("it lists segment \(segment.id), ids go up to \(manifest.nextSegmentID)")
      }
    }
    for (column, extent) in manifest.dictionaries.sorted(by: { $0.key < $1.key })
    where !manifest.schema.columns.indices.contains(column)
      || manifest.schema.columns[column].type != .symbol
    {
      noteManifest(
        "it has a dictionary of \(extent.entryCount) entries for column \(column), which is no "
          + "symbol column")
    }
  }

  private mutating func noteManifest(_ message: String) {
    note(Finding(.damage, path: "MANIFEST", message))
  }

  // MARK: Dictionaries

  private mutating func checkDictionaries() throws(TallyError) {
    let set = DictionarySet(manifest: manifest, layout: layout, fileSystem: fileSystem)
    for (column, extent) in manifest.dictionaries.sorted(by: { $0.key < $1.key }) {
      try options.cancellation.check()
      summary.dictionaryCount += 1
      do throws(TallyError) {
        _ = try set.dictionary(column: column)
        summary.byteCount += extent.byteCount
      } catch {
        if error.code == .version { throw error }
        let name = SegmentContext(manifest).name(column)
        let path = layout.dictionary(column: column, version: extent.version)
        var finding = Finding(
          .damage, path: layout.relativePath(path),
          "\(error.message); every segment with values of '\(name)' is affected")
        finding.column = name
        note(finding)
      }
    }
  }

  // MARK: Segments

  /// Findings of segments, handed on in order although segments are done in any.
  fileprivate struct Queue {
    var done: [Int: SegmentVerifier] = [:]
    var next = 0
    var summary: VerifySummary
    var versionError: TallyError?
  }

  private mutating func checkSegments() throws(TallyError) {
    let segments = manifest.segments
    let files = SegmentFiles(layout: layout, fileSystem: fileSystem, cacheByteCountMax: 0)
    let context = SegmentContext(manifest)
    let queue = Mutex(Queue(summary: summary))
    let marks = manifest.damagedSegments
    let (options, layout, report) = (options, layout, report)
    let threadCount = max(1, min(options.threadCount, segments.count))
    try WorkerPool(threadCount: threadCount).run(count: segments.count) {
      (task, _) throws(TallyError) in
      try options.cancellation.check()
      let info = segments[task]
      let reader = files.committed(
        info, cache: PageCache(byteCountMax: StoreVerifier.cacheByteCountMax))
      var verifier = SegmentVerifier(reader, context: context, layout: layout)
      verifier.cancellation = options.cancellation
      verifier.verify(isDeep: options.isDeep)
      if let reason = marks[info.id] { verifier.noteMark(reason) }
      queue.withLock { queue in
        queue.done[task] = verifier
        while let ready = queue.done.removeValue(forKey: queue.next) {
          queue.next += 1
          queue.take(ready, report)
        }
      }
    }
    let failure = queue.withLock { queue in
      summary = queue.summary
      return queue.versionError
    }
    try options.cancellation.check()
    if let failure { throw failure }
  }

  /// Pages that others are functions of are read again for each of them, unless they fit.
  static let cacheByteCountMax = 32 << 20
}

extension StoreVerifier.Queue {
  fileprivate mutating func take(
    _ segment: SegmentVerifier, _ report: (Finding) -> Void
  ) {
    summary.segmentCount += 1
    summary.rowCount += segment.info.rowCount
    summary.byteCount += segment.byteCount
    versionError = versionError ?? segment.versionError
    for finding in segment.findings {
      summary.count(finding)
      report(finding)
    }
  }
}
