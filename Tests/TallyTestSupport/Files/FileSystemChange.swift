/// One change that a call made to a `MemoryFileSystem`: what a crash can keep, lose or tear.
///
/// Files and directories are named by their node numbers, as by inode numbers on a disk.
package enum FileSystemChange: Sendable {
  case createFile(directory: Int, name: String, node: Int)
  case createDirectory(directory: Int, name: String, node: Int)
  case link(node: Int, directory: Int, name: String)
  case rename(directory: Int, name: String, toDirectory: Int, newName: String)
  /// Of a file or of an empty directory.
  case remove(directory: Int, name: String)
  case write(node: Int, offset: Int, bytes: [UInt8])
  case truncate(node: Int, byteCount: Int)
  case synchronizeFile(node: Int)
  /// A sync that reported a failure.
  case failToSynchronizeFile(node: Int, SyncFailure)
  case synchronizeDirectory(node: Int)
}

/// What is left of unsynced bytes after a sync that failed. No file system writes them later.
package enum SyncFailure: Hashable, Sendable {
  /// They can still be read as if all were well, as on ext4 and XFS.
  case keepsBytes
  /// They read as they were before, as on Btrfs.
  case revertsBytes
}

/// Which of the unsynced changes a power cut lets through. Seeds make chance repeatable.
package enum CrashImage: Hashable, Sendable, CustomStringConvertible {
  /// None.
  case dropped
  /// All.
  case kept
  /// Any 512-byte sectors in any state they went through, each length and each name on its own.
  case sectors(seed: UInt64)
  /// All but the very last write, of which only the first sectors.
  case torn(seed: UInt64)
  /// Any writes and name changes, each as a whole.
  case reordered(seed: UInt64)

  package var description: String {
    switch self {
    case .dropped: "dropped"
    case .kept: "kept"
    case .sectors(let seed): "sectors(\(seed))"
    case .torn(let seed): "torn(\(seed))"
    case .reordered(let seed): "reordered(\(seed))"
    }
  }
}
