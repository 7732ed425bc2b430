import SystemPackage
import TallyBase
import TallyFile

/// Finds, creates and tidies the directory behind a `Store`.
enum StoreOpening {
  struct Opened {
    var layout: StoreLayout
    var fileSystem: any FileSystem
    var loaded: ManifestLoader.Loaded
    /// Nil for readers.
    var lock: (any FileLock)?
    /// Nil for writers, and for readers that cannot write to the directory.
    var lease: Lease?
  }

  /// - Throws: see `Store.open`.
  static func open(
    _ path: FilePath, mode: Store.Mode, fileSystem: any FileSystem
  ) throws(TallyError) -> Opened {
    let layout = StoreLayout(root: path)
    switch mode {
    case .readOnly:
      try requireStore(layout, fileSystem: fileSystem)
      let known = try ManifestLoader.load(layout, fileSystem: fileSystem)
      let lease = Lease.take(
        known.manifest.generation, layout: layout, fileSystem: fileSystem)
      // Until the lease was taken the writer was free to remove what was found. From then on it
      // keeps the files of every state that can be found.
      let loaded = try ManifestLoader.reload(known, layout, fileSystem: fileSystem)
      return Opened(layout: layout, fileSystem: fileSystem, loaded: loaded, lease: lease)
    case .readWrite(let creating):
      return try openForWriting(layout, creating: creating, fileSystem: fileSystem)
    }
  }

  private static func openForWriting(
    _ layout: StoreLayout, creating: Bool, fileSystem: any FileSystem
  ) throws(TallyError) -> Opened {
    let isThere = try hasStore(layout, fileSystem: fileSystem)
    if !isThere {
      guard creating else {
        try requireStore(layout, fileSystem: fileSystem)
        throw notAStore(layout)
      }
      try prepareRoot(layout, fileSystem: fileSystem)
    }
    let lock = try fileSystem.lock(layout.lock, owner: ProcessIdentity.describe())
    do throws(TallyError) {
      // Another process may have created the store before the lock was won.
      if try !hasStore(layout, fileSystem: fileSystem) {
        try create(layout, fileSystem: fileSystem)
      }
      let loaded = try ManifestLoader.load(layout, fileSystem: fileSystem)
      StoreCleanup.removeLeftovers(layout, loaded: loaded, fileSystem: fileSystem)
      return Opened(layout: layout, fileSystem: fileSystem, loaded: loaded, lock: lock)
    } catch {
      lock.release()
      throw error
    }
  }

  // MARK: Finding

  private static func hasStore(
    _ layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) -> Bool {
    try fileSystem.kind(of: layout.current) == .file
  }

  private static func requireStore(
    _ layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) {
    if try hasStore(layout, fileSystem: fileSystem) { return }
    let path = layout.root.string
    switch try fileSystem.kind(of: layout.root) {
    case nil:
      throw TallyError(
        .invalidArgument, "there is no store at '\(path)'",
        hint: "import or generate events to create it, or name another one with --db",
        path: path)
    case .directory:
      try refuseRemains(layout, fileSystem: fileSystem)
      throw notAStore(layout)
    default:
      throw TallyError(
        .invalidArgument, "'\(path)' is a file, expected the directory of a store", path: path)
    }
  }

  private static func notAStore(_ layout: StoreLayout) -> TallyError {
    TallyError(
      .invalidArgument, "the directory '\(layout.root.string)' is not a store",
      hint: "name the directory of a store, or one that does not exist yet",
      path: layout.root.string)
  }

  /// A directory without CURRENT that nevertheless holds data lost it: creating a store there
  /// would bury what is left.
  private static func refuseRemains(
    _ layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) {
    let names = try fileSystem.contents(ofDirectory: layout.root)
    if try fileSystem.kind(of: layout.incompleteMarker) == .file {
      throw TallyError(
        .corruption, "the directory is a copy of a store that did not come to its end",
        hint: "remove it and make the copy again", path: layout.root.string)
    }
    var hasData = names.contains { (StoreLayout.manifestNumber(name: $0) ?? 1) > 1 }
    for directory in [layout.partitions, layout.dictionaries]
    where try fileSystem.kind(of: directory) == .directory {
      if try !fileSystem.contents(ofDirectory: directory).isEmpty { hasData = true }
    }
    if hasData {
      throw TallyError(
        .corruption, "the store has lost its file CURRENT",
        hint: "run 'tally repair', or restore the store from a backup", path: layout.current.string)
    }
  }

  // MARK: Creating

  /// Names that an interrupted creation may have left.
  private static let creationNames: Set<String> = [
    "LOCK", "CURRENT.tmp", "MANIFEST-00000001", "dictionaries", "partitions", "tmp",
  ]

  private static func prepareRoot(
    _ layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) {
    switch try fileSystem.kind(of: layout.root) {
    case nil:
      try fileSystem.createDirectory(layout.root)
    case .directory:
      try refuseRemains(layout, fileSystem: fileSystem)
      let names = try fileSystem.contents(ofDirectory: layout.root)
      guard names.allSatisfy(creationNames.contains) else { throw notAStore(layout) }
    default:
      try requireStore(layout, fileSystem: fileSystem)
    }
    // Also where the directory was there: whoever made it may have been stopped before the sync.
    let parent = layout.root.removingLastComponent()
    try fileSystem.synchronizeDirectory(parent.isEmpty ? FilePath(".") : parent)
  }

  private static func create(
    _ layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) {
    try refuseRemains(layout, fileSystem: fileSystem)
    for directory in [layout.dictionaries, layout.partitions, layout.temporary] {
      try fileSystem.createDirectory(directory)
    }
    let manifest = Manifest(storeID: .random())
    var writer = ManifestWriter(
      layout: layout, fileSystem: fileSystem, manifest: manifest, number: 0)
    try writer.writeSnapshot(manifest)
    try writer.close()
  }
}
