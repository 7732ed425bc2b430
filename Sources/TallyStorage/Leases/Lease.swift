import SystemPackage
import TallyBase
import TallyFile

/// A reading process's claim on a generation: as long as it is held, no writer removes a file that
/// this generation or a later one needs. See docs/store-format.md.
///
/// The claim is a shared lock on a file of its own. The kernel drops the lock with the process, so
/// a lease that nobody holds shows by its lock being free.
final class Lease: Sendable {
  let generation: UInt64
  private let path: FilePath
  private let lock: any FileLock
  private let fileSystem: any FileSystem

  private init(
    generation: UInt64, path: FilePath, lock: any FileLock, fileSystem: any FileSystem
  ) {
    self.generation = generation
    self.path = path
    self.lock = lock
    self.fileSystem = fileSystem
  }

  deinit {
    // The name goes first: a lock without a name protects nothing and confuses nobody.
    try? fileSystem.remove(path)
    lock.release()
  }

  /// Writers that look for stale leases may get in the way this often.
  private static let attemptCountMax = 16

  /// - Returns: nil if the directory cannot be written: such a reader does without.
  static func take(
    _ generation: UInt64, layout: StoreLayout, fileSystem: any FileSystem
  ) -> Lease? {
    guard (try? fileSystem.createDirectory(layout.leases)) != nil else { return nil }
    for _ in 0..<attemptCountMax {
      let unique = String(UInt64.random(in: 0...UInt64.max), radix: 36)
      let path = layout.lease(generation: generation, unique: unique)
      do throws(TallyError) {
        let lock = try fileSystem.lockShared(path)
        // A writer may have found the file before it was locked, and removed it.
        if try fileSystem.kind(of: path) == .file {
          return Lease(
            generation: generation, path: path, lock: lock, fileSystem: fileSystem)
        }
        lock.release()
      } catch {
        guard error.code == .locked else { return nil }
      }
    }
    return nil
  }

  /// The oldest generation that a process holds a lease of; removes leases that nobody holds.
  ///
  /// A lease that cannot be looked at counts as held.
  ///
  /// - Returns: nil if there is none.
  /// - Throws: `io` if the leases cannot be listed.
  static func oldestGeneration(
    layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) -> UInt64? {
    guard try fileSystem.kind(of: layout.leases) == .directory else { return nil }
    var oldest: UInt64?
    for name in try fileSystem.contents(ofDirectory: layout.leases) {
      guard let generation = StoreLayout.leaseGeneration(name: name) else { continue }
      let path = layout.leases.appending(name)
      if removeIfStale(path, fileSystem: fileSystem) { continue }
      oldest = min(oldest ?? generation, generation)
    }
    return oldest
  }

  private static func removeIfStale(_ path: FilePath, fileSystem: any FileSystem) -> Bool {
    guard let lock = try? fileSystem.lock(path, owner: "") else { return false }
    try? fileSystem.remove(path)
    lock.release()
    return true
  }
}
