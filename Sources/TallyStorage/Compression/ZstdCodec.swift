internal import CZstd
import Synchronization
import TallyBase

/// zstd: the only place that calls the library.
///
/// Contexts are expensive to make (a compression context holds about a megabyte) and are kept for
/// the next call; at most as many exist as calls ever ran at once.
enum ZstdCodec {
  /// Owns a compression or decompression context.
  @safe private final class Context: @unchecked Sendable {
    // SAFETY (Sendable): a context is used by one call at a time, the one that took it from the
    // pool.
    let compressor: OpaquePointer?
    let decompressor: OpaquePointer?

    init(compressing: Bool) {
      unsafe compressor = compressing ? ZSTD_createCCtx() : nil
      unsafe decompressor = compressing ? nil : ZSTD_createDCtx()
    }

    deinit {
      unsafe ZSTD_freeCCtx(compressor)
      unsafe ZSTD_freeDCtx(decompressor)
    }
  }

  private static let compressors = Mutex<[Context]>([])
  private static let decompressors = Mutex<[Context]>([])

  /// One frame holding `bytes`, or nil if the library refuses.
  ///
  /// - Parameter partByteCount: where positive, each such part gets blocks of its own (and with
  ///   them entropy tables of its own); the first part is longer by what does not divide.
  static func compress(_ bytes: [UInt8], level: Int32, partByteCount: Int = 0) -> [UInt8]? {
    let context = compressors.withLock { $0.popLast() } ?? Context(compressing: true)
    defer { compressors.withLock { $0.append(context) } }
    guard let compressor = unsafe context.compressor else { return nil }
    unsafe ZSTD_CCtx_reset(compressor, ZSTD_reset_session_and_parameters)
    unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, level)
    unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_contentSizeFlag, 0)
    unsafe ZSTD_CCtx_setPledgedSrcSize(compressor, UInt64(bytes.count))
    let parts = partEnds(byteCount: bytes.count, partByteCount: partByteCount)
    let capacity = ZSTD_compressBound(bytes.count) + 64 * parts.count
    var isComplete = true
    let compressed = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
      unsafe bytes.withUnsafeBytes { source in
        // SAFETY: both descriptions name live buffers and their true sizes.
        var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: capacity, pos: 0)
        var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: 0, pos: 0)
        for (index, end) in parts.enumerated() {
          unsafe input.size = end
          let directive = index == parts.count - 1 ? ZSTD_e_end : ZSTD_e_flush
          let rest = unsafe ZSTD_compressStream2(compressor, &output, &input, directive)
          if rest != 0 { isComplete = false }
        }
        count = unsafe output.pos
      }
    }
    return isComplete ? compressed : nil
  }

  private static func partEnds(byteCount: Int, partByteCount: Int) -> [Int] {
    guard partByteCount > 0, byteCount > partByteCount else { return [byteCount] }
    let first = byteCount - (byteCount / partByteCount - 1) * partByteCount
    return Array(stride(from: first, through: byteCount, by: partByteCount))
  }

  /// What a frame holds, which must be exactly `byteCount` bytes.
  ///
  /// - Throws: `corruption`.
  static func decompress(
    _ bytes: [UInt8], byteCount: Int, subject: String
  ) throws(TallyError) -> [UInt8] {
    let context = decompressors.withLock { $0.popLast() } ?? Context(compressing: false)
    defer { decompressors.withLock { $0.append(context) } }
    var written = -1
    let decompressed = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
      guard let decompressor = unsafe context.decompressor else { return }
      unsafe bytes.withUnsafeBytes { source in
        // SAFETY: the library writes at most `byteCount` bytes and says how many.
        let result = unsafe ZSTD_decompressDCtx(
          decompressor, target.baseAddress, byteCount, source.baseAddress, source.count)
        if ZSTD_isError(result) == 0 { written = Int(result) }
      }
      count = max(written, 0)
    }
    guard written == byteCount else {
      throw TallyError(
        .corruption, "\(subject) does not decompress to the \(byteCount) bytes expected")
    }
    return decompressed
  }
}
