import TallyBase
import TallyFile

/// The bytes of a segment that is in memory, as a file that can only be read.
final class ResidentFile: File {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(TallyError) -> Int {
    guard offset >= 0, offset < Int64(bytes.count) else { return 0 }
    let start = Int(offset)
    let count = min(buffer.count, bytes.count - start)
    unsafe bytes.withUnsafeBytes { source in
      // SAFETY: `start + count` is at most the number of bytes, `count` that of the buffer.
      unsafe buffer.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: source[start..<start + count]))
    }
    return count
  }

  func byteCount() throws(TallyError) -> Int64 { Int64(bytes.count) }
  func close() throws(TallyError) {}

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(TallyError) {
    throw Self.readOnly()
  }

  func truncate(to byteCount: Int64) throws(TallyError) { throw Self.readOnly() }
  func synchronize() throws(TallyError) { throw Self.readOnly() }

  private static func readOnly() -> TallyError {
    TallyError(.internal, "a segment in memory was to be changed")
  }
}
