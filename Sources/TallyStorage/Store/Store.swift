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
    /// Bytes of verified pages kept in memory; nil: a quarter of physical memory.
    package var pageCacheByteCountMax: Int?
    package var segment = SegmentWriter.Options()

    package init() {}
  }

  package let mode: Mode
  package let layout: StoreLayout
  package let options: Options
  let fileSystem: any FileSystem
  let segmentFiles: SegmentFiles
  /// Shared by all imports of this opening: what an import that failed could not remove must not
  /// stand in the way of the next.
  let segmentIDs: SegmentIDs
  /// Columns and dictionaries as rows on their way have made them; nil for readers.
  let catalog: LiveCatalog?
  /// Held while segments come and go; see `publish`.
  let publishing = Mutex(())
  private let state: Mutex<State>

  /// What changes while the store is open; guarded by `state`.
  private struct State: ~Copyable {
    var snapshot: StoreSnapshot
    /// The manifest the snapshot was read from, by which readers notice a newer one.
    var current: CurrentFile
    var manifestByteCount: Int
    /// Nil for readers and after `close`.
    var writer: ManifestWriter?
    var lock: (any FileLock)?
    var isImporting = false
    var isClosed = false
  }

  private init(_ opened: consuming StoreOpening.Opened, mode: Mode, options: Options) {
    self.mode = mode
    self.options = options
    layout = opened.layout
    fileSystem = opened.fileSystem
    segmentFiles = SegmentFiles(
      layout: opened.layout, fileSystem: opened.fileSystem,
      cacheByteCountMax: options.pageCacheByteCountMax)
    segmentIDs = SegmentIDs(from: opened.loaded.manifest.nextSegmentID)
    let snapshot = StoreSnapshot(
      manifest: opened.loaded.manifest, files: segmentFiles, previous: nil)
    var writer: ManifestWriter?
    if opened.lock == nil {
      catalog = nil
    } else {
      catalog = LiveCatalog(
        schema: opened.loaded.manifest.schema, committed: snapshot.dictionaries)
      writer = ManifestWriter(
        layout: layout, fileSystem: fileSystem, manifest: opened.loaded.manifest,
        number: opened.loaded.current.manifestNumber)
    }
    state = Mutex(
      State(
        snapshot: snapshot, current: opened.loaded.current,
        manifestByteCount: opened.loaded.byteCount, writer: writer, lock: opened.lock))
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
    return Store(opened, mode: mode, options: options)
  }

  // MARK: Reading

  /// What was committed when the store was opened, last refreshed or last written through this
  /// opening: consistent, immutable, valid while it is held.
  package func snapshot() throws(TallyError) -> StoreSnapshot {
    try committedSnapshot()
  }

  /// What is committed, without rows that are in memory only.
  func committedSnapshot() throws(TallyError) -> StoreSnapshot {
    try access { state throws(TallyError) in state.snapshot }
  }

  /// What is committed now, by whichever process. Costs one small read when nothing changed.
  ///
  /// - Throws: `io`, `corruption`, `version`; the previous snapshot stays in force.
  package func refresh() throws(TallyError) -> StoreSnapshot {
    try access { [layout, fileSystem, segmentFiles] state throws(TallyError) in
      if state.writer != nil { return state.snapshot }
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
  /// - Throws: `invalidArgument` if the store is open for reading only or an import is running.
  package func beginImport(
    options: BulkImport.Options = BulkImport.Options()
  ) throws(TallyError) -> BulkImport {
    try access { state throws(TallyError) in
      guard state.writer != nil else { throw Store.notWritable() }
      guard !state.isImporting else {
        throw TallyError(.invalidArgument, "another import into this store is under way")
      }
      state.isImporting = true
    }
    guard let catalog else { throw Store.notWritable() }
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

  /// Commits an edit and shows it. Only `publish` calls this.
  ///
  /// - Parameter tables: dictionaries that the edit extends, as they are in memory.
  func commit(
    _ edit: ManifestEdit, tables: [Int: StringTable]
  ) throws(TallyError) -> StoreSnapshot {
    try access { [segmentFiles] state throws(TallyError) in
      guard state.writer != nil else { throw Store.notWritable() }
      try state.writer?.commit(edit)
      guard let manifest = state.writer?.manifest else { throw Store.notWritable() }
      let snapshot = StoreSnapshot(
        manifest: manifest, files: segmentFiles, previous: state.snapshot)
      for (column, table) in tables { snapshot.dictionaries.adopt(table, column: column) }
      state.snapshot = snapshot
      return snapshot
    }
  }

  /// Whether a failed commit may nevertheless be on disk: then the files it names must stay.
  var isCommitInDoubt: Bool { state.withLock { $0.writer?.failure != nil } }

  /// Gives up the lock and closes files. Snapshots stay valid.
  package func close() throws(TallyError) {
    let result: Result<Void, TallyError> = state.withLock { state in
      guard !state.isClosed else { return .success(()) }
      state.isClosed = true
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
