import Synchronization
package import SystemPackage
package import TallyBase
package import TallyFile

extension MemoryFileSystem {
  /// Another name for a file.
  package func link(_ source: FilePath, to target: FilePath) throws(TallyError) {
    try access("link", source.string) { state throws(TallyError) in
      let (parent, name) = try state.parent(of: target.string, "link")
      guard case .file(let node) = state.disk.find(source.string) else {
        throw TallyError.systemCall(
          "link", path: source.string, errno: Errno.noSuchFileOrDirectory.rawValue)
      }
      guard state.disk.directories[parent]?.entries[name] == nil else {
        throw TallyError.systemCall("link", path: target.string, errno: Errno.fileExists.rawValue)
      }
      state.change(.link(node: node, directory: parent, name: name))
    }
  }

  /// Nil unless the disk was given a size: nobody asks then, and nothing is counted.
  package func space(at path: FilePath) throws(TallyError) -> DiskSpace? {
    guard let byteCountMax = state.withLock({ $0.byteCountMax }) else { return nil }
    return try access("statvfs", path.string) { state throws(TallyError) in
      DiskSpace(
        freeByteCount: Int64(max(0, byteCountMax - state.disk.byteCount)),
        byteCount: Int64(byteCountMax))
    }
  }

  // MARK: Locks

  package func lock(_ path: FilePath, owner: String) throws(TallyError) -> any FileLock {
    let node = try access("lock", path.string) { state throws(TallyError) in
      let node = try state.lockNode(path.string)
      if let holder = state.locked[node] {
        throw TallyError(.locked, "the store is being written by \(holder)", path: path.string)
      }
      if state.sharedLockCounts[node] != nil {
        throw TallyError(.locked, "the lock is shared by readers", path: path.string)
      }
      state.locked[node] = owner
      return node
    }
    return MemoryFileLock(system: self, node: node, isShared: false)
  }

  package func lockShared(_ path: FilePath) throws(TallyError) -> any FileLock {
    let node = try access("lock", path.string) { state throws(TallyError) in
      let node = try state.lockNode(path.string)
      guard state.locked[node] == nil else {
        throw TallyError(.locked, "another process holds the lock", path: path.string)
      }
      state.sharedLockCounts[node, default: 0] += 1
      return node
    }
    return MemoryFileLock(system: self, node: node, isShared: true)
  }

  // MARK: Calls that may do half of their work

  func write(_ bytes: [UInt8], node: Int, offset: Int, path: String) throws(TallyError) {
    let result: Result<Void, TallyError> = state.withLock { state in
      var failure: TallyError?
      var kept = bytes.count
      do throws(TallyError) {
        try state.count("write", path)
      } catch {
        failure = error
        kept =
          state.fault?.writesPart == true ? MemoryDisk.wholeSectors(bytes.count / 2, offset) : 0
      }
      let current = state.disk.files[node]?.bytes.count ?? 0
      let room = state.room(for: offset + kept - current)
      if room < offset + kept - current {
        failure = failure ?? .systemCall("write", path: path, errno: Errno.noSpace.rawValue)
        kept = MemoryDisk.wholeSectors(current + room - offset, offset)
      }
      if kept > 0 || failure == nil {
        let written = kept == bytes.count ? bytes : Array(bytes.prefix(kept))
        state.change(.write(node: node, offset: offset, bytes: written))
      }
      return failure.map { .failure($0) } ?? .success(())
    }
    try result.get()
  }

  func synchronize(node: Int, path: String) throws(TallyError) {
    let result: Result<Void, TallyError> = state.withLock { state in
      do throws(TallyError) {
        try state.count("fdatasync", path)
        state.change(.synchronizeFile(node: node))
        return .success(())
      } catch {
        let failure = state.fault?.syncFailure ?? .keepsBytes
        // A disk that is gone for good may have taken some of it before.
        if state.fault?.isLasting != true || failure == .revertsBytes {
          state.change(.failToSynchronizeFile(node: node, failure))
        }
        return .failure(error)
      }
    }
    try result.get()
  }

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
  mutating func change(_ change: FileSystemChange) {
    trace?.changes.append(change)
    disk.apply(change)
  }

  mutating func makeFile(_ directory: Int, _ name: String) -> Int {
    let node = disk.nextNode
    change(.createFile(directory: directory, name: name, node: node))
    return node
  }

  /// Counts a call.
  ///
  /// - Throws: the error that is the call's turn.
  mutating func count(_ call: String, _ path: String) throws(TallyError) {
    let isCounted = fault?.calls?.contains(call) ?? true
    if isCounted { callCount += 1 }
    var isFailing = false
    if let fault, isCounted {
      isFailing = fault.isLasting ? callCount >= fault.firstCall : callCount == fault.firstCall
      if fault.furtherCalls.contains(callCount) { isFailing = true }
      if !fault.furtherSites.isEmpty,
        fault.furtherSites.contains(FaultCoverage.Site(call: call, path: path))
      {
        isFailing = true
      }
    }
    coverage?.note(call, path, isFailing: isFailing)
    if isFailing, let fault { throw .systemCall(call, path: path, errno: fault.number) }
  }

  /// How many of `growth` more bytes the disk has room for.
  func room(for growth: Int) -> Int {
    guard growth > 0, let byteCountMax else { return max(0, growth) }
    return max(0, min(growth, byteCountMax - disk.byteCount))
  }

  func parent(of path: String, _ call: String) throws(TallyError) -> (Int, String) {
    let names = MemoryDisk.names(path)
    guard let name = names.last, case .directory(let node) = disk.find(names.dropLast()) else {
      throw .systemCall(call, path: path, errno: Errno.noSuchFileOrDirectory.rawValue)
    }
    return (node, String(name))
  }

  /// The file of that name, made if there is none.
  fileprivate mutating func lockNode(_ path: String) throws(TallyError) -> Int {
    let (parent, name) = try parent(of: path, "open")
    if case .file(let node) = disk.directories[parent]?.entries[name] { return node }
    return makeFile(parent, name)
  }
}
