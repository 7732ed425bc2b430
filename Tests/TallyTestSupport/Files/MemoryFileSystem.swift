import Synchronization
package import SystemPackage
package import TallyBase
package import TallyFile

/// A file system in memory that knows what would survive a power cut and fails on demand.
///
/// What is written becomes durable only by a sync of the file, and a name only by a sync of its
/// directory. A sync that fails leaves the bytes readable and never writes them (the behaviour of
/// Linux file systems), unless they are written again.
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

    package init(firstCall: Int, isLasting: Bool, number: Int32) {
      self.firstCall = firstCall
      self.isLasting = isLasting
      self.number = number
    }
  }

  enum Entry: Hashable, Sendable {
    case file(Int)
    case directory(Int)
  }

  struct Directory: Sendable {
    var entries: [String: Entry] = [:]
    var durable: [String: Entry] = [:]
  }

  struct Content: Sendable {
    var bytes: [UInt8] = []
    var durable: [UInt8] = []
    /// Ranges written since the last sync.
    var dirty: [Range<Int>] = []
  }

  struct State: Sendable {
    var files: [Int: Content] = [:]
    var directories: [Int: Directory] = [0: Directory()]
    var nextNode = 1
    var locked: [Int: String] = [:]
    /// Holders of shared locks.
    var sharedLockCounts: [Int: Int] = [:]
    var callCount = 0
    var fault: Fault?
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

  // MARK: FileSystem

  package func open(_ path: FilePath, _ mode: OpenMode) throws(TallyError) -> any File {
    let node = try access("open", path.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: path, "open")
      switch state.directories[parent]?.entries[name] {
      case .file(let node):
        if case .createNew = mode {
          throw TallyError.systemCall("open", path: path.string, errno: Errno.fileExists.rawValue)
        }
        return node
      case .directory:
        throw TallyError.systemCall("open", path: path.string, errno: Errno.isDirectory.rawValue)
      case nil:
        guard case .createNew = mode else {
          throw TallyError.systemCall(
            "open", path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
        }
        let node = state.makeNode()
        state.files[node] = Content()
        state.directories[parent]?.entries[name] = .file(node)
        return node
      }
    }
    return MemoryFile(system: self, node: node, path: path.string)
  }

  package func createDirectory(_ path: FilePath) throws(TallyError) {
    try access("mkdir", path.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: path, "mkdir")
      switch state.directories[parent]?.entries[name] {
      case .directory: return
      case .file:
        throw TallyError.systemCall("mkdir", path: path.string, errno: Errno.fileExists.rawValue)
      case nil:
        let node = state.makeNode()
        state.directories[node] = Directory()
        state.directories[parent]?.entries[name] = .directory(node)
      }
    }
  }

  package func contents(ofDirectory path: FilePath) throws(TallyError) -> [String] {
    try access("opendir", path.string) { state throws(TallyError) in
      guard case .directory(let node) = state.find(path) else {
        throw TallyError.systemCall(
          "opendir", path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      return (state.directories[node]?.entries.keys).map { $0.sorted() } ?? []
    }
  }

  package func kind(of path: FilePath) throws(TallyError) -> FileKind? {
    try access("stat", path.string) { state throws(TallyError) in
      switch state.find(path) {
      case .file: .file
      case .directory: .directory
      case nil: nil
      }
    }
  }

  package func rename(_ source: FilePath, to target: FilePath) throws(TallyError) {
    try access("rename", source.string) { state throws(TallyError) in
      let (from, oldName) = try state.parent(of: source, "rename")
      let (to, newName) = try state.parent(of: target, "rename")
      guard let entry = state.directories[from]?.entries[oldName] else {
        throw TallyError.systemCall(
          "rename", path: source.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      state.directories[from]?.entries[oldName] = nil
      state.directories[to]?.entries[newName] = entry
    }
  }

  package func remove(_ path: FilePath) throws(TallyError) {
    try access("unlink", path.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: path, "unlink")
      guard case .file = state.directories[parent]?.entries[name] else {
        throw TallyError.systemCall(
          "unlink", path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      state.directories[parent]?.entries[name] = nil
    }
  }

  package func removeDirectory(_ path: FilePath) throws(TallyError) {
    try access("rmdir", path.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: path, "rmdir")
      guard case .directory(let node) = state.directories[parent]?.entries[name] else {
        throw TallyError.systemCall(
          "rmdir", path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      guard state.directories[node]?.entries.isEmpty ?? true else {
        throw TallyError.systemCall(
          "rmdir", path: path.string, errno: Errno.directoryNotEmpty.rawValue)
      }
      state.directories[parent]?.entries[name] = nil
    }
  }

  package func synchronizeDirectory(_ path: FilePath) throws(TallyError) {
    try access("fsync", path.string) { state throws(TallyError) in
      guard case .directory(let node) = state.find(path) else {
        throw TallyError.systemCall(
          "open", path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      if let entries = state.directories[node]?.entries {
        state.directories[node]?.durable = entries
      }
    }
  }

  package func lock(_ path: FilePath, owner: String) throws(TallyError) -> any FileLock {
    let node = try access("lock", path.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: path, "open")
      if case .file(let node) = state.directories[parent]?.entries[name] {
        if let holder = state.locked[node] {
          throw TallyError(.locked, "the store is being written by \(holder)", path: path.string)
        }
        if state.sharedLockCounts[node] != nil {
          throw TallyError(.locked, "the lock is shared by readers", path: path.string)
        }
        state.locked[node] = owner
        return node
      }
      let node = state.makeNode()
      state.files[node] = Content()
      state.directories[parent]?.entries[name] = .file(node)
      state.locked[node] = owner
      return node
    }
    return MemoryFileLock(system: self, node: node, isShared: false)
  }

  package func lockShared(_ path: FilePath) throws(TallyError) -> any FileLock {
    let node = try access("lock", path.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: path, "open")
      let node: Int
      if case .file(let existing) = state.directories[parent]?.entries[name] {
        node = existing
      } else {
        node = state.makeNode()
        state.files[node] = Content()
        state.directories[parent]?.entries[name] = .file(node)
      }
      guard state.locked[node] == nil else {
        throw TallyError(.locked, "another process holds the lock", path: path.string)
      }
      state.sharedLockCounts[node, default: 0] += 1
      return node
    }
    return MemoryFileLock(system: self, node: node, isShared: true)
  }

  // MARK: State

  /// Counts a call, fails it if its turn has come, else runs it.
  func access<Value>(
    _ call: String, _ path: String, _ body: (inout State) throws(TallyError) -> Value
  ) throws(TallyError) -> Value {
    try state.withLock { (state) throws(TallyError) in
      try state.count(call, path)
      return try body(&state)
    }
  }
}

extension MemoryFileSystem.State {
  mutating func makeNode() -> Int {
    nextNode += 1
    return nextNode
  }

  mutating func count(_ call: String, _ path: String) throws(TallyError) {
    callCount += 1
    guard let fault else { return }
    let fails = fault.isLasting ? callCount >= fault.firstCall : callCount == fault.firstCall
    if fails { throw .systemCall(call, path: path, errno: fault.number) }
  }

  static func names(_ path: String) -> [Substring] {
    path.split(separator: "/").filter { $0 != "." }
  }

  func find(_ path: FilePath) -> MemoryFileSystem.Entry? { find(Self.names(path.string)) }

  private func find(_ names: [Substring]) -> MemoryFileSystem.Entry? {
    var entry = MemoryFileSystem.Entry.directory(0)
    for name in names {
      guard case .directory(let node) = entry,
        let next = directories[node]?.entries[String(name)]
      else { return nil }
      entry = next
    }
    return entry
  }

  func parent(of path: FilePath, _ call: String) throws(TallyError) -> (Int, String) {
    let names = Self.names(path.string)
    guard let name = names.last, case .directory(let node) = find(Array(names.dropLast())) else {
      throw .systemCall(call, path: path.string, errno: Errno.noSuchFileOrDirectory.rawValue)
    }
    return (node, String(name))
  }
}
