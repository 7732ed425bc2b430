package import SystemPackage
package import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The operating system's files.
package struct PosixFileSystem: FileSystem {
  package init() {}

  /// rw-r--r--, before the process's umask.
  private static let filePermissions: mode_t = 0o644
  /// rw-------.
  private static let privatePermissions: mode_t = 0o600
  private static let directoryPermissions: mode_t = 0o755

  package func open(_ path: FilePath, _ mode: OpenMode) throws(TallyError) -> any File {
    let flags =
      switch mode {
      case .read: O_RDONLY
      case .createNew, .createNewPrivate: O_RDWR | O_CREAT | O_EXCL
      case .readWrite: O_RDWR
      }
    var permissions = Self.filePermissions
    if case .createNewPrivate = mode { permissions = Self.privatePermissions }
    let descriptor = try openDescriptor(path, flags, permissions)
    return PosixFile(descriptor: descriptor, path: path.string)
  }

  private func openDescriptor(
    _ path: FilePath, _ flags: Int32, _ permissions: mode_t = filePermissions
  ) throws(TallyError) -> Int32 {
    try unsafe call("open", path) { unsafe posixOpen($0, flags | O_CLOEXEC, permissions) }
  }

  /// Runs a call that answers -1 on failure, again while a signal interrupts it.
  private func call(
    _ name: String, _ path: FilePath, _ body: (UnsafePointer<CChar>) -> Int32
  ) throws(TallyError) -> Int32 {
    while true {
      let (result, number) = unsafe path.withPlatformString { text in
        let result = unsafe body(text)
        return (result, result < 0 ? errno : 0)
      }
      if result >= 0 { return result }
      if number == EINTR { continue }
      throw .systemCall(name, path: path.string, errno: number)
    }
  }

  package func createDirectory(_ path: FilePath) throws(TallyError) {
    do throws(TallyError) {
      _ = try unsafe call("mkdir", path) { unsafe mkdir($0, Self.directoryPermissions) }
    } catch {
      guard try kind(of: path) == .directory else { throw error }
    }
  }

  package func contents(ofDirectory path: FilePath) throws(TallyError) -> [String] {
    let (stream, number) = unsafe path.withPlatformString { text in
      unsafe (opendir(text), errno)
    }
    guard let stream = unsafe stream else {
      throw .systemCall("opendir", path: path.string, errno: number)
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else { break }
      // SAFETY: readdir ends `d_name` with a NUL byte within the entry, which stays valid until
      // the next call on this stream.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        unsafe String(cString: UnsafeRawPointer(tuple).assumingMemoryBound(to: CChar.self))
      }
      if name != ".", name != ".." { names.append(name) }
    }
    guard errno == 0 else { throw .systemCall("readdir", path: path.string, errno: errno) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  package func kind(of path: FilePath) throws(TallyError) -> FileKind? {
    var status = stat()
    let (result, number) = unsafe path.withPlatformString { text in
      unsafe (stat(text, &status), errno)
    }
    if result != 0 {
      if number == ENOENT || number == ENOTDIR { return nil }
      throw .systemCall("stat", path: path.string, errno: number)
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .directory
    default: return .other
    }
  }

  package func rename(_ source: FilePath, to target: FilePath) throws(TallyError) {
    _ = try unsafe call("rename", source) { from in
      unsafe target.withPlatformString { to in unsafe posixRename(from, to) }
    }
  }

  package func link(_ source: FilePath, to target: FilePath) throws(TallyError) {
    _ = try unsafe call("link", target) { to in
      unsafe source.withPlatformString { from in unsafe posixLink(from, to) }
    }
  }

  package func remove(_ path: FilePath) throws(TallyError) {
    _ = try unsafe call("unlink", path) { unsafe unlink($0) }
  }

  package func removeDirectory(_ path: FilePath) throws(TallyError) {
    _ = try unsafe call("rmdir", path) { unsafe rmdir($0) }
  }

  package func synchronizeDirectory(_ path: FilePath) throws(TallyError) {
    let descriptor = try openDescriptor(path, O_RDONLY | O_DIRECTORY)
    defer { _ = posixClose(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw .systemCall("fsync", path: path.string, errno: errno)
    }
  }

  package func space(at path: FilePath) throws(TallyError) -> DiskSpace? {
    var status = statvfs()
    _ = try unsafe call("statvfs", path) { unsafe posixStatvfs($0, &status) }
    let blockByteCount = Int64(clamping: status.f_frsize)
    func byteCount(_ blockCount: UInt64) -> Int64 {
      let (product, overflow) = Int64(clamping: blockCount)
        .multipliedReportingOverflow(by: blockByteCount)
      return overflow ? .max : product
    }
    return DiskSpace(
      freeByteCount: byteCount(UInt64(status.f_bavail)),
      byteCount: byteCount(UInt64(status.f_blocks)))
  }

  package func lock(_ path: FilePath, owner: String) throws(TallyError) -> any FileLock {
    let descriptor = try openDescriptor(path, O_RDWR | O_CREAT)
    return try PosixFileLock.acquire(descriptor: descriptor, path: path.string, owner: owner)
  }

  package func lockShared(_ path: FilePath) throws(TallyError) -> any FileLock {
    let descriptor = try openDescriptor(path, O_RDWR | O_CREAT)
    return try PosixFileLock.acquireShared(descriptor: descriptor, path: path.string)
  }
}

/// `open(2)`, out of the way of the method of that name.
private func posixOpen(_ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: mode_t) -> Int32 {
  unsafe open(path, flags, mode)
}

/// `rename(2)`, out of the way of the method of that name.
private func posixRename(_ source: UnsafePointer<CChar>, _ target: UnsafePointer<CChar>) -> Int32 {
  unsafe rename(source, target)
}

/// `link(2)`, out of the way of the method of that name.
private func posixLink(_ source: UnsafePointer<CChar>, _ target: UnsafePointer<CChar>) -> Int32 {
  unsafe link(source, target)
}

/// `statvfs(3)`, out of the way of the structure of that name.
private func posixStatvfs(_ path: UnsafePointer<CChar>, _ status: inout statvfs) -> Int32 {
  unsafe statvfs(path, &status)
}
