package import SystemPackage
package import TallyBase

/// The only door to the disk. Production stands behind it with POSIX calls; tests stand behind it
/// with memory, lost power and torn writes.
package protocol FileSystem: Sendable {
  func open(_ path: FilePath, _ mode: OpenMode) throws(TallyError) -> any File
  /// Creates one directory; its parent must exist. An existing directory is not an error.
  func createDirectory(_ path: FilePath) throws(TallyError)
  /// Names in a directory, sorted by bytes, without `.` and `..`.
  func contents(ofDirectory path: FilePath) throws(TallyError) -> [String]
  /// What is at `path`, or nil if nothing is.
  func kind(of path: FilePath) throws(TallyError) -> FileKind?
  func rename(_ source: FilePath, to target: FilePath) throws(TallyError)
  /// Gives a file a second name, which must be free.
  ///
  /// - Throws: `io` also where the file system has no such links, or not between these places.
  func link(_ source: FilePath, to target: FilePath) throws(TallyError)
  func remove(_ path: FilePath) throws(TallyError)
  func removeDirectory(_ path: FilePath) throws(TallyError)
  /// Makes renames, creations and removals in the directory durable.
  func synchronizeDirectory(_ path: FilePath) throws(TallyError)
  /// Takes the advisory lock on a file, creating it if need be. `owner` is written into the file
  /// when an exclusive lock is won and named in the error when it is not.
  ///
  /// - Throws: `locked` if another process (or another opening in this one) holds it.
  func lock(_ path: FilePath, owner: String) throws(TallyError) -> any FileLock
  /// Takes an advisory lock that any number may hold at once, and nobody beside one that `lock`
  /// gave. Creates the file if need be.
  ///
  /// - Throws: `locked` if somebody holds the exclusive lock.
  func lockShared(_ path: FilePath) throws(TallyError) -> any FileLock
  /// The disk that `path`, which exists, lies on; nil if the file system has no size.
  func space(at path: FilePath) throws(TallyError) -> DiskSpace?
}

extension FileSystem {
  /// For file systems without such locks.
  package func lockShared(_ path: FilePath) throws(TallyError) -> any FileLock {
    throw TallyError(.io, "the file system has no shared locks", path: path.string)
  }

  /// For file systems without a size.
  package func space(at path: FilePath) throws(TallyError) -> DiskSpace? { nil }

  /// For file systems without links.
  package func link(_ source: FilePath, to target: FilePath) throws(TallyError) {
    throw TallyError(.io, "the file system has no links", path: target.string)
  }
}

package enum OpenMode: Sendable {
  case read
  /// Reads and writes a file that must not exist yet.
  case createNew
  /// The same, and nobody but the owner may read it.
  case createNewPrivate
  /// Reads and writes an existing file.
  case readWrite

  /// Whether the file must not exist yet.
  package var isCreating: Bool {
    switch self {
    case .createNew, .createNewPrivate: true
    case .read, .readWrite: false
    }
  }
}

package enum FileKind: Sendable {
  case file, directory, other
}

/// An open file. Positions are absolute; there is no shared cursor.
package protocol File: AnyObject, Sendable {
  /// Reads up to `buffer.count` bytes at `offset`; fewer only at the end of the file.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(TallyError) -> Int
  /// Writes all bytes at `offset`.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(TallyError)
  func byteCount() throws(TallyError) -> Int64
  func truncate(to byteCount: Int64) throws(TallyError)
  /// Makes the file's bytes and length durable.
  func synchronize() throws(TallyError)
  func close() throws(TallyError)
}

/// A held lock; `release` or the process's end gives it up.
package protocol FileLock: AnyObject, Sendable {
  func release()
}
