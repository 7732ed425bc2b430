import SystemPackage
import TallyBase
import TallyFile

/// A file system whose calls, when they find the disk full, give up the reserve and are made once
/// more. For commits and what they need; rows that are still to be taken go without.
///
/// Every call here can be made again after it ran out of space, but for a sync: whoever syncs
/// writes another file then.
struct ReserveFileSystem: FileSystem {
  let base: any FileSystem
  let reserve: Reserve

  fileprivate static func spending<Value>(
    _ reserve: Reserve, _ call: () throws(TallyError) -> Value
  ) throws(TallyError) -> Value {
    do throws(TallyError) {
      return try call()
    } catch {
      guard error.code == .diskFull else { throw error }
      reserve.release()
      return try call()
    }
  }

  func open(_ path: FilePath, _ mode: OpenMode) throws(TallyError) -> any File {
    let file = try ReserveFileSystem.spending(reserve) { () throws(TallyError) in
      try base.open(path, mode)
    }
    if case .read = mode { return file }
    return ReserveFile(base: file, reserve: reserve)
  }

  func createDirectory(_ path: FilePath) throws(TallyError) {
    try ReserveFileSystem.spending(reserve) { () throws(TallyError) in
      try base.createDirectory(path)
    }
  }

  func rename(_ source: FilePath, to target: FilePath) throws(TallyError) {
    try ReserveFileSystem.spending(reserve) { () throws(TallyError) in
      try base.rename(source, to: target)
    }
  }

  func link(_ source: FilePath, to target: FilePath) throws(TallyError) {
    try ReserveFileSystem.spending(reserve) { () throws(TallyError) in
      try base.link(source, to: target)
    }
  }

  func remove(_ path: FilePath) throws(TallyError) {
    try ReserveFileSystem.spending(reserve) { () throws(TallyError) in try base.remove(path) }
  }

  func removeDirectory(_ path: FilePath) throws(TallyError) {
    try ReserveFileSystem.spending(reserve) { () throws(TallyError) in
      try base.removeDirectory(path)
    }
  }

  func lock(_ path: FilePath, owner: String) throws(TallyError) -> any FileLock {
    try ReserveFileSystem.spending(reserve) { () throws(TallyError) in
      try base.lock(path, owner: owner)
    }
  }

  func lockShared(_ path: FilePath) throws(TallyError) -> any FileLock {
    try ReserveFileSystem.spending(reserve) { () throws(TallyError) in
      try base.lockShared(path)
    }
  }

  func contents(ofDirectory path: FilePath) throws(TallyError) -> [String] {
    try base.contents(ofDirectory: path)
  }

  func kind(of path: FilePath) throws(TallyError) -> FileKind? { try base.kind(of: path) }

  func synchronizeDirectory(_ path: FilePath) throws(TallyError) {
    try base.synchronizeDirectory(path)
  }

  func space(at path: FilePath) throws(TallyError) -> DiskSpace? { try base.space(at: path) }
}

/// An open file whose writes may use the reserve.
private final class ReserveFile: File {
  private let base: any File
  private let reserve: Reserve

  init(base: any File, reserve: Reserve) {
    self.base = base
    self.reserve = reserve
  }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(TallyError) -> Int {
    try unsafe base.read(into: buffer, at: offset)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(TallyError) {
    try ReserveFileSystem.spending(reserve) { () throws(TallyError) in
      try unsafe base.write(bytes, at: offset)
    }
  }

  func byteCount() throws(TallyError) -> Int64 { try base.byteCount() }

  func truncate(to byteCount: Int64) throws(TallyError) {
    try ReserveFileSystem.spending(reserve) { () throws(TallyError) in
      try base.truncate(to: byteCount)
    }
  }

  /// What a sync could not write is lost to this file; the next one shall have room.
  func synchronize() throws(TallyError) {
    do throws(TallyError) {
      try base.synchronize()
    } catch {
      if error.code == .diskFull { reserve.release() }
      throw error
    }
  }

  func close() throws(TallyError) { try base.close() }
}
