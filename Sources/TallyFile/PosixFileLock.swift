import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A lock on a whole file, exclusive or shared, owned by the open file description: a second
/// opening competes for it in this process as in another, and the kernel drops it when the process
/// ends, however it ends.
final class PosixFileLock: FileLock {
  private let file: PosixFile
  private let isExclusive: Bool

  private init(file: PosixFile, isExclusive: Bool) {
    self.file = file
    self.isExclusive = isExclusive
  }

  /// Longest owner text read back from a lock file.
  private static let ownerByteCountMax = 256

  static func acquire(
    descriptor: Int32, path: String, owner: String
  ) throws(TallyError) -> PosixFileLock {
    let file = PosixFile(descriptor: descriptor, path: path)
    if let number = tryLock(descriptor, isShared: false) {
      guard number == EAGAIN || number == EACCES || number == EWOULDBLOCK else {
        throw .systemCall("lock", path: path, errno: number)
      }
      throw held(file)
    }
    try file.truncate(to: 0)
    do throws(TallyError) {
      try file.write(Array(owner.utf8), at: 0)
    } catch {
      // The name is for people. Whoever comes to delete on a full disk must get in.
      guard error.code == .diskFull else { throw error }
    }
    return PosixFileLock(file: file, isExclusive: true)
  }

  static func acquireShared(descriptor: Int32, path: String) throws(TallyError) -> PosixFileLock {
    let file = PosixFile(descriptor: descriptor, path: path)
    if let number = tryLock(descriptor, isShared: true) {
      guard number == EAGAIN || number == EACCES || number == EWOULDBLOCK else {
        throw .systemCall("lock", path: path, errno: number)
      }
      throw TallyError(.locked, "another process holds the lock", path: path)
    }
    return PosixFileLock(file: file, isExclusive: false)
  }

  /// Nil on success, else the error number.
  private static func tryLock(_ descriptor: Int32, isShared: Bool) -> Int32? {
    #if canImport(Darwin)
      return flock(descriptor, (isShared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 ? nil : errno
    #else
      /// `F_OFD_SETLK` of <fcntl.h>, which hides it behind `_GNU_SOURCE`.
      let setOpenFileDescriptionLock: Int32 = 37
      var region = flock()
      region.l_type = Int16(isShared ? F_RDLCK : F_WRLCK)
      region.l_whence = Int16(SEEK_SET)
      return unsafe fcntl(descriptor, setOpenFileDescriptionLock, &region) == 0 ? nil : errno
    #endif
  }

  private static func held(_ file: PosixFile) -> TallyError {
    let owner = owner(of: file)
    return TallyError(
      .locked, "the store is being written by \(owner.isEmpty ? "another process" : owner)",
      hint: "wait until it is done or stop it; reading needs no lock", path: file.path)
  }

  /// Who holds the lock. Whoever has just won it may not have written its name yet: a name that is
  /// missing, or that of a process that is gone, is looked for again a little later.
  private static func owner(of file: PosixFile) -> String {
    var owner = ""
    for attempt in 0..<ownerAttemptCountMax {
      if attempt > 0 { usleep(ownerAttemptMicroseconds) }
      let bytes = (try? file.readBytes(count: ownerByteCountMax, at: 0)) ?? []
      owner = String(decoding: bytes, as: UTF8.self)
      let words = owner.split(whereSeparator: { $0 == " " || $0 == "," })
      guard words.count > 1, words[0] == "process" else {
        if owner.isEmpty { continue }
        return owner
      }
      guard let process = pid_t(words[1]) else { return owner }
      if kill(process, 0) == 0 || errno == EPERM { return owner }
    }
    return owner
  }

  /// Together well below the time in which a second writer must be told.
  private static let ownerAttemptCountMax = 12
  private static let ownerAttemptMicroseconds: UInt32 = 3_000

  func release() {
    if isExclusive { try? file.truncate(to: 0) }
    // Closing the descriptor is what drops the lock; the file stays for the next owner.
    try? file.close()
  }

  deinit { release() }
}
