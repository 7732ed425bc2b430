import TallyBase
import TallyFile

/// A file read through a window that moves forward: bounded memory, few calls.
struct LogWindow {
  private let file: any File
  /// Length of the file when it was opened; less once it was found to have been cut since.
  private(set) var byteCount: Int
  private var bytes: [UInt8] = []
  private var start = 0
  /// Read at once, unless a record is longer.
  private static let windowByteCount = 1 << 20

  init(file: any File) throws(TallyError) {
    self.file = file
    byteCount = Int(clamping: try file.byteCount())
  }

  /// Runs `body` with `count` bytes from `offset` on; nil if the file ends before.
  mutating func withBytes<Result>(
    at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> Result
  ) throws(TallyError) -> Result? {
    guard offset >= 0, count >= 0, count <= byteCount, offset <= byteCount - count else {
      return nil
    }
    if offset < start || offset + count > start + bytes.count {
      let wanted = min(max(count, LogWindow.windowByteCount), byteCount - offset)
      bytes = try file.readBytes(count: wanted, at: Int64(offset))
      start = offset
      if bytes.count < count {
        byteCount = offset + bytes.count
        return nil
      }
    }
    let first = offset - start
    return unsafe bytes.withUnsafeBytes { raw in
      // SAFETY: the range was just found to lie in the window, or read into it.
      unsafe body(UnsafeRawBufferPointer(rebasing: raw[first..<(first + count)]))
    }
  }

  /// Whether all bytes of `range` are zero; false beyond the file's end.
  mutating func isZero(_ range: Range<Int>) throws(TallyError) -> Bool {
    try unsafe withBytes(at: range.lowerBound, count: range.count) { raw in
      unsafe raw.allSatisfy { $0 == 0 }
    } ?? false
  }
}
