#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Whole lines of an input, in one buffer, with readable bytes after the last one.
///
/// The decoders lean on two promises that `seal` makes: the text ends with a line feed, which no
/// valid token contains, so a scan needs no bounds check; and `paddingByteCount` zero bytes
/// follow, so that an 8-byte load may start at any byte of the text. Buffers are recycled, never
/// shared: a chunk has one owner at a time.
@safe package final class TextChunk: @unchecked Sendable {
  // SAFETY (Sendable): a chunk is handed from the reader to one decoder to the pipeline; whoever
  // holds it is alone with it.

  /// Zero bytes after the text.
  package static let paddingByteCount = 64

  /// Room for text, in bytes.
  package let capacity: Int
  /// Bytes of text.
  package private(set) var count = 0
  let base: UnsafeMutablePointer<UInt8>

  /// An empty chunk for up to `capacity` bytes of text.
  package init(capacity: Int) {
    self.capacity = capacity
    unsafe base = .allocate(capacity: capacity + 1 + TextChunk.paddingByteCount)
  }

  /// A sealed chunk that holds a copy of `bytes`.
  package convenience init(_ bytes: some Collection<UInt8>) {
    self.init(capacity: bytes.count)
    unsafe writable.copyBytes(from: bytes)
    count = bytes.count
    seal()
  }

  deinit { unsafe base.deallocate() }

  /// The room that is left.
  var writable: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: base + count, count: capacity - count)
  }

  /// The text.
  var text: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: base, count: count)
  }

  func grow(by byteCount: Int) {
    assert(count + byteCount <= capacity)
    count += byteCount
  }

  func truncate(to byteCount: Int) {
    assert(byteCount <= count)
    count = byteCount
  }

  func removeAll() { count = 0 }

  /// Moves the bytes from `start` to the front and drops the ones before.
  func dropFirst(_ start: Int) {
    assert(start <= count)
    unsafe memmove(base, base + start, count - start)
    count -= start
  }

  /// Ends the text with a line feed if it has none, and clears the padding.
  func seal() {
    // SAFETY: one byte more than `capacity`, and the padding, are allocated.
    if count > 0, unsafe base[count - 1] != UInt8(ascii: "\n") {
      unsafe base[count] = UInt8(ascii: "\n")
      count += 1
    }
    unsafe memset(base + count, 0, TextChunk.paddingByteCount)
  }
}
