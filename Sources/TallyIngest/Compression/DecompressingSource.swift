package import TallyBase

/// Passes bytes through, decompressing gzip and zstd, which it knows by their first bytes.
///
/// Truncated (`invalidInput`) or corrupt data (`corruption`) throws only after everything decoded
/// before it was read.
@safe package final class DecompressingSource: ByteSource {
  // SAFETY: `buffer` has `DecompressingSource.bufferByteCount` bytes and belongs to this object.
  private let source: any ByteSource
  private let buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private var decoder: (any StreamDecoder)?
  private var hasStarted = false
  private var isAtEnd = false

  private static let bufferByteCount = 256 << 10

  /// Reads through `source`, which is at its start.
  package init(_ source: any ByteSource) {
    self.source = source
    unsafe buffer = .allocate(byteCount: DecompressingSource.bufferByteCount, alignment: 16)
  }

  deinit { unsafe buffer.deallocate() }

  package func read(into output: UnsafeMutableRawBufferPointer) throws(TallyError) -> Int {
    guard unsafe !output.isEmpty else { return 0 }
    if !hasStarted { try detect() }
    if let decoder { return try unsafe decompress(with: decoder, into: output) }
    if start < end {
      let count = min(end - start, output.count)
      let ready = unsafe UnsafeRawBufferPointer(rebasing: buffer[start..<start + count])
      unsafe output.copyMemory(from: ready)
      start += count
      return count
    }
    return isAtEnd ? 0 : try unsafe source.read(into: output)
  }

  /// Reads the magic number, which a pipe may deliver byte by byte.
  private func detect() throws(TallyError) {
    hasStarted = true
    while end < 4, !isAtEnd {
      let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
      let count = try unsafe source.read(into: room)
      isAtEnd = count == 0
      end += count
    }
    let magic = unsafe buffer.prefix(min(end, 4)).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    if end >= 2, magic >> UInt32(8 * (min(end, 4) - 2)) == 0x1F8B {
      decoder = try GzipDecoder()
    } else if end >= 4, magic == 0x28B5_2FFD || magic & 0xF0FF_FFFF == 0x502A_4D18 {
      decoder = try ZstdDecoder()
    }
  }

  private func decompress(
    with decoder: any StreamDecoder, into output: UnsafeMutableRawBufferPointer
  ) throws(TallyError) -> Int {
    while true {
      if start == end, !isAtEnd { try refill() }
      let input = unsafe UnsafeRawBufferPointer(rebasing: buffer[start..<end])
      let (consumed, produced) = try unsafe decoder.decode(input, into: output)
      start += consumed
      if produced > 0 { return produced }
      if start == end, isAtEnd {
        if decoder.isAtBoundary { return 0 }
        throw TallyError(
          .invalidInput, "the \(decoder.formatName) data ends in the middle: the file is truncated")
      }
      if consumed == 0, start < end {
        throw TallyError(.corruption, "the \(decoder.formatName) data is corrupt")
      }
    }
  }

  private func refill() throws(TallyError) {
    start = 0
    end = 0
    let count = try unsafe source.read(into: buffer)
    isAtEnd = count == 0
    end = count
  }
}
