import SystemPackage
import TallyBase
import TallyIngest

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file or the standard input, decompressed if need be.
final class InputFile {
  /// Bytes read at once.
  private static let pieceByteCount = 256 << 10

  let name: String
  private let source: DecompressingSource
  private var piece = [UInt8](repeating: 0, count: pieceByteCount)

  /// - Throws: `io` if it cannot be opened.
  init(_ name: String) throws(TallyError) {
    self.name = name
    source = DecompressingSource(try DescriptorSource(name))
  }

  /// More bytes; none at the end.
  ///
  /// - Throws: `io`, `cancelled`; `invalidInput`, `corruption` if compressed bytes are damaged.
  func read() throws(TallyError) -> ArraySlice<UInt8> {
    var outcome = Result<Int, TallyError>.success(0)
    // SAFETY: the buffer is valid for its count during the call.
    unsafe piece.withUnsafeMutableBytes { buffer in
      do throws(TallyError) {
        outcome = .success(try unsafe source.read(into: buffer))
      } catch {
        outcome = .failure(error)
      }
    }
    return piece[..<(try outcome.get())]
  }
}

/// The bytes of a descriptor. A wait for them ends when the task is cancelled.
private final class DescriptorSource: ByteSource {
  private static let pollMilliseconds: Int32 = 100

  private let descriptor: FileDescriptor
  private let name: String

  init(_ name: String) throws(TallyError) {
    self.name = name
    guard name != "-" else {
      descriptor = .standardInput
      return
    }
    do {
      descriptor = try FileDescriptor.open(FilePath(name), .readOnly)
    } catch {
      throw TallyError(.io, "cannot open '\(name)': \(error)", path: name)
    }
  }

  deinit { if name != "-" { try? descriptor.close() } }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(TallyError) -> Int {
    var request = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    while true {
      if Task.isCancelled { throw TallyError(.cancelled, "the insert was cancelled") }
      // SAFETY: one entry is there, as the call is told.
      guard unsafe poll(&request, 1, DescriptorSource.pollMilliseconds) != 0 else { continue }
      do {
        return try unsafe descriptor.read(into: buffer)
      } catch {
        throw TallyError(.io, "cannot read '\(name)': \(error)", path: name)
      }
    }
  }
}
