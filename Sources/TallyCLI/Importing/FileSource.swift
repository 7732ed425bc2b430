import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyIngest
import TallyTerminal

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Bytes read so far over all inputs, for progress.
final class ByteCounter: Sendable {
  private let count = Atomic<Int64>(0)

  func add(_ byteCount: Int) { count.add(Int64(byteCount), ordering: .relaxed) }
  var value: Int64 { count.load(ordering: .relaxed) }
}

/// Reads a file or the standard input from start to end.
final class FileSource: ByteSource {
  private let descriptor: FileDescriptor
  private let name: String
  private let isOwned: Bool
  private let counter: ByteCounter
  private let cancellation: CancellationToken
  /// Whether a read may wait for others: the input is no regular file.
  private let mayWait: Bool
  /// How long Ctrl-C takes at most to end a wait for input.
  private static let pollMilliseconds: Int32 = 100

  /// - Throws: `io`.
  init(
    name: String, counter: ByteCounter, cancellation: CancellationToken
  ) throws(TallyError) {
    self.name = name
    self.counter = counter
    self.cancellation = cancellation
    isOwned = name != "-"
    do {
      descriptor =
        try isOwned
        ? FileDescriptor.open(FilePath(name), .readOnly) : FileDescriptor.standardInput
    } catch {
      throw TallyError(.io, "cannot open '\(name)': \(error)", path: name)
    }
    var status = stat()
    mayWait = unsafe fstat(descriptor.rawValue, &status) != 0 || status.st_mode & S_IFMT != S_IFREG
  }

  deinit { if isOwned { try? descriptor.close() } }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(TallyError) -> Int {
    while true {
      if mayWait { try waitForInput() }
      do {
        let count = try unsafe descriptor.read(into: buffer, retryOnInterrupt: false)
        counter.add(count)
        return count
      } catch Errno.interrupted {
        try cancellation.check()
      } catch {
        throw TallyError(.io, "cannot read '\(name)': \(error)", path: name)
      }
    }
  }

  /// Waits until there is something to read. Ctrl-C interrupts the system calls of one thread,
  /// which need not be this one, so a wait without end would miss it.
  ///
  /// - Throws: `cancelled`.
  private func waitForInput() throws(TallyError) {
    var request = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    while true {
      let readyCount = unsafe poll(&request, 1, FileSource.pollMilliseconds)
      if readyCount > 0 { return }
      let isInterrupted = readyCount < 0 && errno == EINTR
      try cancellation.check()
      // The read that follows tells of any other error.
      if readyCount < 0, !isInterrupted { return }
    }
  }

  /// Whether two paths lead to one file that exists.
  static func isSame(_ first: String, _ second: String) -> Bool {
    var one = stat()
    var other = stat()
    guard unsafe stat(first, &one) == 0, unsafe stat(second, &other) == 0 else { return false }
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino
      && one.st_mode & S_IFMT == S_IFREG
  }

  /// Checks that `name` can be read, and returns its length; nil for the standard input and other
  /// things without one.
  ///
  /// - Throws: `io` saying what is wrong.
  static func byteCount(of name: String) throws(TallyError) -> Int64? {
    if name == "-" { return nil }
    let fileSystem = PosixFileSystem()
    switch try fileSystem.kind(of: FilePath(name)) {
    case nil: throw TallyError(.io, "there is no file '\(name)'", path: name)
    case .directory:
      throw TallyError(
        .io, "'\(name)' is a directory, a file was expected", hint: "name the files in it",
        path: name)
    case .other: return nil
    case .file:
      let file = try fileSystem.open(FilePath(name), .read)
      let count = try file.byteCount()
      try file.close()
      return count
    }
  }
}
