import Synchronization
package import SystemPackage
package import TallyBase
package import TallyFile

/// A store directory, open for reading or for writing.
///
/// One process writes, any number read. What a reader sees is the state of one commit; it never
/// waits for the writer and sees later commits when it asks for them with `refresh`.
package final class Store: Sendable {
  package enum Mode: Hashable, Sendable {
    case readOnly
    /// Takes the writer lock; creates the store if nothing is there and `creating` is true.
    case readWrite(creating: Bool)
  }

  package struct Options: Sendable {
    /// Bytes of verified pages, and of what else is read of segments, kept in memory; nil: a
    /// quarter of physical memory.
    package var pageCacheByteCountMax: Int?
    package var segment = SegmentWriter.Options()
    package var log = WriteAheadLog.Options()
    /// Memory of buffered rows at which they are flushed. Twice as much makes appends wait.
    package var bufferByteCountMax = 64 << 20
    /// Longest time that rows stay in the buffer.
    package var flushIntervalSeconds = 30
    /// Flushes on a thread of its own; off: only `flush`, `close` and appends that find the buffer
    /// full do.
    package var isFlushingInBackground = true
    /// Readers: also show the rows of the writer's log that are in no segment yet.
    package var includesLog = false
    /// Most rows and most bytes of a batch.
    package var batchRowCountMax = 100_000
    package var batchByteCountMax = 16 << 20
    /// Most bytes of a value of a symbol or text column that is appended.
    package var valueByteCountMax = 64 << 10
    /// Most columns and most distinct values of a symbol column, up to what the format has room
    /// for. What is there already stays.
    package var columnCountMax = Schema.columnCountMax
    package var dictionaryEntryCountMax = Schema.dictionaryEntryCountMax
    /// Bytes that must be free on the disk for new rows to be taken; nil: a twentieth of the
    /// disk, at most 1 GiB.
    package var freeByteCountMin: Int64?
    /// Bytes set aside for commits on a full disk; 0: none.
    package var reserveByteCount: Int64 = 4 << 20
    /// Compacts in the background, after flushes.
    package var isCompacting = false
    package var compaction = CompactionOptions()
    /// Silent producers are forgotten after so long.
    package var producerSeconds: Int64 = 30 * 86_400

    package init() {}
  }

  package let mode: Mode
  package let layout: StoreLayout
  package let options: Options
  /// What commits and deletions use: a writer's may spend the reserve.
  let fileSystem: any FileSystem
  /// Whether new rows may be taken.
  let freeSpace: FreeSpace
  let reserve: Reserve
  let segmentFiles: SegmentFiles
  /// Shared by all imports of this opening: what an import that failed could not remove must not
  /// stand in the way of the next.
  let segmentIDs: SegmentIDs
  /// Columns and dictionaries as rows on their way have made them; nil for readers.
  let catalog: LiveCatalog?
  /// Rows that are in no segment yet; nil for readers.
  let buffer: WriteBuffer?
  /// Made with the first batch that needs it.
  let log: Mutex<WriteAheadLog?> = Mutex(nil)
  /// Where the log ended when the store was opened.
  let logPosition: Mutex<LogPosition?> = Mutex(nil)
  /// The key of the fingerprints of events.
  let fingerprinter: Fingerprinter
  /// Rows of the writer's log, for readers that want them.
  private let tail: LogTail
  /// Held while buffered rows become segments.
  let flushing = Mutex(())
  let flusher: Mutex<BackgroundThread?> = Mutex(nil)
  /// Held while segments come and go; see `publish`. The days whose directories are known to be on
  /// disk.
  let publishing = Mutex<Set<Day>>([])
  let maintenance: StoreMaintenance
  /// See ``changeCount``.
  let changes = Atomic<UInt64>(0)
  private let state: Mutex<State>

  /// What changes while the store is open; guarded by `state`.
  private struct State: ~Copyable {
    var snapshot: StoreSnapshot
    /// The manifest the snapshot was read from, by which readers notice a newer one.
    var current: CurrentFile
    var manifestByteCount: Int
    /// As it was read; a writer's is in `writer`.
    var manifest: Manifest
    /// Nil for readers and after `close`.
    var writer: ManifestWriter?
    var lock: (any FileLock)?
    var isImporting = false
    var isClosed = false
  }

  private init(_ opened: consuming StoreOpening.Opened, mode: Mode, options: Options) {
    self.mode = mode
    var options = options
    options.segment.identityKey = opened.loaded.manifest.storeID
    self.options = options
    fingerprinter = Fingerprinter(opened.loaded.manifest.storeID)
    layout = opened.layout
    let space = FreeSpace(
      root: opened.layout.root, fileSystem: opened.fileSystem,
      freeByteCountMin: options.freeByteCountMin)
    freeSpace = space
    reserve = Reserve(
      layout: opened.layout, fileSystem: opened.fileSystem, space: space,
      byteCount: options.reserveByteCount)
    fileSystem =
      opened.lock == nil
      ? opened.fileSystem : ReserveFileSystem(base: opened.fileSystem, reserve: reserve)
    segmentFiles = SegmentFiles(
      layout: opened.layout, fileSystem: opened.fileSystem,
      cacheByteCountMax: options.pageCacheByteCountMax)
    tail = LogTail(files: segmentFiles)
    segmentIDs = SegmentIDs(from: opened.loaded.manifest.nextSegmentID)
    maintenance = StoreMaintenance(segmentFiles.over(fileSystem))
    if let lease = opened.lease { segmentFiles.registry.hold(lease) }
    let snapshot = StoreSnapshot(
      manifest: opened.loaded.manifest, files: segmentFiles, previous: nil)
    var writer: ManifestWriter?
    if opened.lock == nil {
      catalog = nil
      buffer = nil
    } else {
      let live = LiveCatalog(
        schema: opened.loaded.manifest.schema, committed: snapshot.dictionaries,
        columnCountMax: options.columnCountMax, entryCountMax: options.dictionaryEntryCountMax)
      catalog = live
      buffer = WriteBuffer(
        catalog: live, files: segmentFiles, manifest: opened.loaded.manifest)
      writer = ManifestWriter(
        layout: layout, fileSystem: fileSystem, manifest: opened.loaded.manifest,
        number: opened.loaded.current.manifestNumber)
    }
    state = Mutex(
      State(
        snapshot: snapshot, current: opened.loaded.current,
        manifestByteCount: opened.loaded.byteCount, manifest: opened.loaded.manifest,
        writer: writer, lock: opened.lock))
  }

  /// Opens a store.
  ///
  /// - Throws: `io`, `locked` (naming the holder), `corruption`, `version`; `invalidArgument` if
  ///   `path` is not a store.
  /// - Complexity: O(segments), one read of the manifest; no segment file is touched.
  package static func open(
    _ path: FilePath, mode: Mode, fileSystem: any FileSystem, options: Options = Options()
  ) throws(TallyError) -> Store {
    let opened = try StoreOpening.open(path, mode: mode, fileSystem: fileSystem)
    let store = Store(opened, mode: mode, options: options)
    do throws(TallyError) {
      try store.recoverLog()
    } catch {
      store.release()
      throw error
    }
    store.startMaintenance()
    return store
  }

  // MARK: Reading

  /// What was committed when the store was opened, last refreshed or last written through this
  /// opening: consistent, immutable, valid while it is held.
  package func snapshot() throws(TallyError) -> StoreSnapshot {
    guard let buffer else { return try committedSnapshot() }
    return try buffer.snapshot { () throws(TallyError) in try committedSnapshot() }
  }

  /// Grows with whatever a snapshot of this opening may show that one before it does not, before
  /// whoever made the change is told that it is done. What was read after asking for it holds for
  /// as long as it stays the same. Changes of other processes are not counted.
  package var changeCount: UInt64 { changes.load(ordering: .acquiring) }

  /// What is committed, without rows that are in memory only.
  func committedSnapshot() throws(TallyError) -> StoreSnapshot {
    try access { state throws(TallyError) in state.snapshot }
  }

  /// What is committed now, by whichever process. Costs one small read when nothing changed.
  ///
  /// - Throws: `io`, `corruption`, `version`; the previous snapshot stays in force.
  package func refresh() throws(TallyError) -> StoreSnapshot {
    if buffer != nil { return try snapshot() }
    let snapshot = try readCommitted()
    renewLease()
    return options.includesLog ? try withLog(snapshot) : snapshot
  }

  /// A committed state and the rows of the writer's log behind it. The writer may publish these
  /// and drop the log in the meantime: then the newer state is taken.
  private func withLog(_ first: StoreSnapshot) throws(TallyError) -> StoreSnapshot {
    var base = first
    while true {
      let manifest = try access { state throws(TallyError) in state.manifest }
      do throws(TallyError) {
        return try tail.snapshot(over: base, manifest)
      } catch {
        let again = try readCommitted()
        guard again.generation != base.generation else { throw error }
        base = again
        renewLease()
      }
    }
  }

  private func readCommitted() throws(TallyError) -> StoreSnapshot {
    try access { [layout, fileSystem, segmentFiles] state throws(TallyError) in
      let current = try ManifestLoader.readCurrent(layout, fileSystem: fileSystem)
      if current == state.current {
        let path = layout.manifest(number: current.manifestNumber)
        let file = try? fileSystem.open(path, .read)
        if let length = try? file?.byteCount(), length == Int64(state.manifestByteCount) {
          return state.snapshot
        }
      }
      let loaded = try ManifestLoader.load(layout, fileSystem: fileSystem)
      state.current = loaded.current
      state.manifestByteCount = loaded.byteCount
      state.manifest = loaded.manifest
      if loaded.manifest.generation != state.snapshot.generation {
        state.snapshot = StoreSnapshot(
          manifest: loaded.manifest, files: segmentFiles, previous: state.snapshot)
      }
      return state.snapshot
    }
  }

  // MARK: Writing

  /// Starts a bulk import; one at a time. `add` may be called from many threads.
  ///
  /// Buffered rows are flushed first.
  ///
  /// - Throws: `invalidArgument` if the store is open for reading only or an import is running;
  ///   `diskFull` if less is free than `options.freeByteCountMin`; what flushing throws.
  package func beginImport(
    options: BulkImport.Options = BulkImport.Options()
  ) throws(TallyError) -> BulkImport {
    try freeSpace.check(taking: 0)
    try access { state throws(TallyError) in
      guard state.writer != nil else { throw Store.notWritable() }
      guard !state.isImporting else {
        throw TallyError(.invalidArgument, "another import into this store is under way")
      }
      state.isImporting = true
    }
    guard let catalog else { throw Store.notWritable() }
    do throws(TallyError) {
      try flush()
    } catch {
      endImport()
      throw error
    }
    return BulkImport(store: self, catalog: catalog, options: options)
  }

  func endImport() { state.withLock { $0.isImporting = false } }

  /// The manifest in force, for those who make an edit of it.
  func committedManifest() throws(TallyError) -> Manifest {
    try access { state throws(TallyError) in
      guard let manifest = state.writer?.manifest else { throw Store.notWritable() }
      return manifest
    }
  }

  /// Commits an edit and shows it. What changes segments goes through `publish`.
  ///
  /// - Parameter tables: dictionaries that the edit extends, as they are in memory.
  func commit(
    _ edit: ManifestEdit, tables: [Int: StringTable], onCommit: () -> Void = {}
  ) throws(TallyError) -> StoreSnapshot {
    try access { [segmentFiles] state throws(TallyError) in
      guard state.writer != nil else { throw Store.notWritable() }
      try state.writer?.commit(edit)
      guard let manifest = state.writer?.manifest else { throw Store.notWritable() }
      let snapshot = StoreSnapshot(
        manifest: manifest, files: segmentFiles, previous: state.snapshot,
        removed: edit.segmentsRemoved)
      for (column, table) in tables { snapshot.dictionaries.adopt(table, column: column) }
      state.snapshot = snapshot
      changes.add(1, ordering: .releasing)
      onCommit()
      return snapshot
    }
  }

  /// Writes the manifest into a file of its own, without the edits that led to it.
  func renewManifest() throws(TallyError) {
    try access { state throws(TallyError) in try state.writer?.renew() }
  }

  /// Whether a failed commit may nevertheless be on disk: then the files it names must stay.
  var isCommitInDoubt: Bool { commitFailure != nil }

  /// Why nothing more can be committed.
  var commitFailure: TallyError? { state.withLock { $0.writer?.failure } }

  /// Flushes, gives up the lock and closes files. Snapshots stay valid.
  ///
  /// - Throws: what flushing throws; acknowledged rows are in the log then, unless they were
  ///   acknowledged in memory only.
  package func close() throws(TallyError) {
    stopMaintenance()
    flusher.withLock { thread in
      thread?.stop()
      thread = nil
    }
    var failure: TallyError?
    if buffer != nil, !isClosed {
      do throws(TallyError) {
        try flush()
        try closeLog()
      } catch {
        failure = error
      }
      collectGarbage()
    }
    do throws(TallyError) {
      try closeManifest()
    } catch {
      failure = failure ?? error
    }
    segmentFiles.registry.close()
    if let failure { throw failure }
  }

  /// Ends the log, whose records are all in segments: without room it just has no end.
  private func closeLog() throws(TallyError) {
    do throws(TallyError) {
      try log.withLock { (log) throws(TallyError) in try log?.close() }
    } catch {
      guard error.code == .diskFull else { throw error }
    }
  }

  private var isClosed: Bool { state.withLock { $0.isClosed } }

  /// Gives up the lock of a store that could not be opened to its end; nothing is written.
  private func release() {
    state.withLock { state in
      state.isClosed = true
      state.writer = nil
      state.lock?.release()
      state.lock = nil
    }
  }

  private func closeManifest() throws(TallyError) {
    let result: Result<Void, TallyError> = state.withLock { state in
      guard !state.isClosed else { return .success(()) }
      state.isClosed = true
      state.snapshot = state.snapshot.unpinned()
      defer {
        state.writer = nil
        state.lock?.release()
        state.lock = nil
      }
      do throws(TallyError) {
        try state.writer?.close()
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  static func notWritable() -> TallyError {
    TallyError(.invalidArgument, "the store is open for reading only")
  }

  private func access<Value>(
    _ body: (inout State) throws(TallyError) -> Value
  ) throws(TallyError) -> Value {
    try state.withLock { (state) throws(TallyError) in
      guard !state.isClosed else { throw TallyError(.invalidArgument, "the store is closed") }
      return try body(&state)
    }
  }
}
