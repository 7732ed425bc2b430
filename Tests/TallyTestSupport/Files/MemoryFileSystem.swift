import Synchronization
package import SystemPackage
package import TallyBase
package import TallyFile

/// A file system in memory that knows what would survive a power cut and fails on demand.
///
/// What is written becomes durable only by a sync of the file, and a name only by a sync of its
/// directory. What a sync that failed did not write is never written, unless it is written again.
package final class MemoryFileSystem: FileSystem {
  let state: Mutex<State>

  /// Which calls fail.
  package struct Fault: Hashable, Sendable {
    /// Number of the first call that fails, counted from 1.
    package var firstCall: Int
    /// Whether every later call fails too: the disk is gone, or the process is dead.
    package var isLasting: Bool
    /// `errno` of the failing calls.
    package var number: Int32
    /// The only calls that are counted and fail, by name (`fdatasync`); nil: all.
    package var calls: Set<String>?
    /// What a failing sync leaves of the bytes.
    package var syncFailure = SyncFailure.keepsBytes
    /// Whether a failing write leaves its first half, as a write that ran out of space may.
    package var writesPart = false
    /// Numbers of single calls that fail besides.
    package var furtherCalls: Set<Int> = []
    /// Kinds of calls and paths that fail besides, whenever they come.
    package var furtherSites: Set<FaultCoverage.Site> = []

    package init(firstCall: Int, isLasting: Bool, number: Int32) {
      self.firstCall = firstCall
      self.isLasting = isLasting
      self.number = number
    }
  }

  struct State: Sendable {
    var disk = MemoryDisk()
    var locked: [Int: String] = [:]
    /// Holders of shared locks.
    var sharedLockCounts: [Int: Int] = [:]
    var callCount = 0
    var fault: Fault?
    var byteCountMax: Int?
    var trace: FileSystemTrace?
    var coverage: FaultCoverage?
  }

  package init() { state = Mutex(State()) }

  init(_ initial: State) { state = Mutex(initial) }

  /// Calls so far, those that failed included.
  package var callCount: Int { state.withLock { $0.callCount } }

  /// Counts calls from zero again and fails as `fault` says.
  package func inject(_ fault: Fault?) {
    state.withLock {
      $0.callCount = 0
      $0.fault = fault
    }
  }

  /// Notes in `coverage` which calls occur and fail from now on.
  package func observe(with coverage: FaultCoverage?) { state.withLock { $0.coverage = coverage } }

  /// Makes the disk so large: what does not fit fails as on a full disk. Nil: without limit.
  package func limit(toByteCount byteCountMax: Int?) {
    state.withLock { $0.byteCountMax = byteCountMax }
  }

  /// Bytes of all files that have a name.
  package var byteCount: Int { state.withLock { $0.disk.byteCount } }

  // MARK: FileSystem

  package func open(_ path: FilePath, _ mode: OpenMode) throws(TallyError) -> any File {
    let node = try access("open", path.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: path.string, "open")
      switch state.disk.directories[parent]?.entries[name] {
      case .file(let node):
        if mode.isCreating {
          throw TallyError.systemCall("open", path: path.string, errno: Errno.fileExists.rawValue)
        }
        return node
      case .directory:
        throw TallyError.systemCall("open", path: path.string, errno: Errno.isDirectory.rawValue)
      case nil:
        guard mode.isCreating else {
          throw TallyError.systemCall(
            "open", path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
        }
        return state.makeFile(parent, name)
      }
    }
    return MemoryFile(system: self, node: node, path: path.string)
  }

  package func createDirectory(_ path: FilePath) throws(TallyError) {
    try access("mkdir", path.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: path.string, "mkdir")
      switch state.disk.directories[parent]?.entries[name] {
      case .directory: return
      case .file:
        throw TallyError.systemCall("mkdir", path: path.string, errno: Errno.fileExists.rawValue)
      case nil:
        let node = state.disk.nextNode
        state.change(.createDirectory(directory: parent, name: name, node: node))
      }
    }
  }

  package func contents(ofDirectory path: FilePath) throws(TallyError) -> [String] {
    try access("opendir", path.string) { state throws(TallyError) in
      guard case .directory(let node) = state.disk.find(path.string) else {
        throw TallyError.systemCall(
          "opendir", path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      return (state.disk.directories[node]?.entries.keys).map { $0.sorted() } ?? []
    }
  }

  package func kind(of path: FilePath) throws(TallyError) -> FileKind? {
    try access("stat", path.string) { state throws(TallyError) in
      switch state.disk.find(path.string) {
      case .file: .file
      case .directory: .directory
      case nil: nil
      }
    }
  }

  package func rename(_ source: FilePath, to target: FilePath) throws(TallyError) {
    try access("rename", source.string) { state throws(TallyError) in
      let (from, oldName) = try state.parent(of: source.string, "rename")
      let (to, newName) = try state.parent(of: target.string, "rename")
      guard state.disk.directories[from]?.entries[oldName] != nil else {
        throw TallyError.systemCall(
          "rename", path: source.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      state.change(
        .rename(directory: from, name: oldName, toDirectory: to, newName: newName))
    }
  }

  package func remove(_ path: FilePath) throws(TallyError) {
    try access("unlink", path.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: path.string, "unlink")
      guard case .file = state.disk.directories[parent]?.entries[name] else {
        throw TallyError.systemCall(
          "unlink", path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      state.change(.remove(directory: parent, name: name))
    }
  }

  package func removeDirectory(_ path: FilePath) throws(TallyError) {
    try access("rmdir", path.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: path.string, "rmdir")
      guard case .directory(let node) = state.disk.directories[parent]?.entries[name] else {
        throw TallyError.systemCall(
          "rmdir", path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      guard state.disk.directories[node]?.entries.isEmpty ?? true else {
        throw TallyError.systemCall(
          "rmdir", path: path.string, errno: Errno.directoryNotEmpty.rawValue)
      }
      state.change(.remove(directory: parent, name: name))
    }
  }

  package func synchronizeDirectory(_ path: FilePath) throws(TallyError) {
    try access("fsync", path.string) { state throws(TallyError) in
      guard case .directory(let node) = state.disk.find(path.string) else {
        throw TallyError.systemCall(
          "open", path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      state.change(.synchronizeDirectory(node: node))
    }
  }
}
