internal import TallyBase
internal import TallyFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Buffered bytes on their way to a file descriptor.
package final class OutputBuffer: TextOutput {
  /// Bytes collected before a write.
  private static let byteCountMax = 64 * 1024

  package let descriptor: Int32
  private var bytes: [UInt8] = []

  package init(descriptor: Int32) {
    self.descriptor = descriptor
    bytes.reserveCapacity(OutputBuffer.byteCountMax + 4_096)
  }

  package static func standardOutput() -> OutputBuffer { OutputBuffer(descriptor: STDOUT_FILENO) }

  /// - Throws: `io`; `BrokenPipe` if nobody reads any more.
  package func write(_ text: String) throws {
    bytes.append(contentsOf: text.utf8)
    if bytes.count >= OutputBuffer.byteCountMax { try flush() }
  }

  package func write(_ more: [UInt8]) throws {
    bytes.append(contentsOf: more)
    if bytes.count >= OutputBuffer.byteCountMax { try flush() }
  }

  /// Writes out what was collected.
  package func flush() throws {
    defer { bytes.removeAll(keepingCapacity: true) }
    var written = 0
    while written < bytes.count {
      // SAFETY: the range is inside `bytes`, which is not touched during the call.
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: buffer[written...]))
      }
      if count >= 0 {
        written += count
        continue
      }
      switch errno {
      case EINTR, EAGAIN: continue
      case EPIPE: throw BrokenPipe()
      default:
        let reason = unsafe String(cString: strerror(errno))
        throw TallyError(.io, "writing the output failed: \(reason)")
      }
    }
  }
}

private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
  // SAFETY: the caller's buffer is valid for its count.
  unsafe write(descriptor, buffer.baseAddress, buffer.count)
}

/// The reader of a pipe went away; the process ends without a word.
package struct BrokenPipe: Error {
  package init() {}
}

/// Writes a message to standard error at once.
package func writeError(_ text: String) {
  let output = OutputBuffer(descriptor: STDERR_FILENO)
  // Nothing is left to report to if this fails.
  try? output.write(text)
  try? output.flush()
}
