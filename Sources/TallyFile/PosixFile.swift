import Synchronization
import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file descriptor. Reads and writes go on where a signal or a short count stopped them.
final class PosixFile: File {
  let path: String
  /// -1 once closed.
  private let descriptor: Atomic<Int32>

  init(descriptor: Int32, path: String) {
    self.descriptor = Atomic(descriptor)
    self.path = path
  }

  deinit {
    let open = descriptor.load(ordering: .relaxed)
    if open >= 0 { _ = posixClose(open) }
  }

  private func failure(_ call: String) -> TallyError {
    .systemCall(call, path: path, errno: errno)
  }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(TallyError) -> Int {
    let descriptor = descriptor.load(ordering: .relaxed)
    var done = 0
    while done < buffer.count {
      // SAFETY: `done` is below `buffer.count`, so the rest of the buffer is valid memory.
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = unsafe pread(
        descriptor, rest.baseAddress, rest.count, off_t(offset &+ Int64(done)))
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure("read")
      }
      done += count
    }
    return done
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(TallyError) {
    let descriptor = descriptor.load(ordering: .relaxed)
    var done = 0
    while done < bytes.count {
      // SAFETY: `done` is below `bytes.count`, so the rest of the buffer is valid memory.
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = unsafe pwrite(
        descriptor, rest.baseAddress, rest.count, off_t(offset &+ Int64(done)))
      if count < 0 {
        if errno == EINTR { continue }
        throw failure("write")
      }
      if count == 0 { throw .systemCall("write", path: path, errno: ENOSPC) }
      done += count
    }
  }

  func byteCount() throws(TallyError) -> Int64 {
    var status = stat()
    guard unsafe fstat(descriptor.load(ordering: .relaxed), &status) == 0 else {
      throw failure("fstat")
    }
    return Int64(status.st_size)
  }

  func truncate(to byteCount: Int64) throws(TallyError) {
    let descriptor = descriptor.load(ordering: .relaxed)
    while ftruncate(descriptor, off_t(byteCount)) != 0 {
      if errno != EINTR { throw failure("ftruncate") }
    }
  }

  func synchronize() throws(TallyError) {
    let descriptor = descriptor.load(ordering: .relaxed)
    #if canImport(Darwin)
      // fsync on Darwin leaves the bytes in the drive's cache.
      guard fcntl(descriptor, F_FULLFSYNC) != -1 else { throw failure("fcntl(F_FULLFSYNC)") }
    #else
      guard fdatasync(descriptor) == 0 else { throw failure("fdatasync") }
    #endif
  }

  func close() throws(TallyError) {
    let open = descriptor.exchange(-1, ordering: .relaxed)
    guard open >= 0 else { return }
    // After EINTR the descriptor is gone all the same; closing again could hit another file.
    guard posixClose(open) == 0 || errno == EINTR else { throw failure("close") }
  }
}

/// `close(2)`, out of the way of the method of that name.
func posixClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
