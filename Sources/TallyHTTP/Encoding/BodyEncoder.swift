internal import CZlib
internal import CZstd
internal import TallyWire

/// Compresses a body as it is made. What it was given comes out of each call, so that a client can
/// read every piece when it is there.
protocol BodyEncoder: AnyObject {
  /// - Throws: `E_INTERNAL`.
  func encode(_ bytes: [UInt8], isLast: Bool) throws(WireError) -> [UInt8]
}

/// gzip (RFC 1952).
@safe final class GzipEncoder: BodyEncoder {
  // SAFETY: zlib keeps a pointer to its stream, so the stream lives at one address until `deinit`.
  private let stream: UnsafeMutablePointer<z_stream>
  private static let pieceByteCount = 64 << 10

  /// Nil if there is no memory.
  init?() {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // 15 bits of window, plus 16: a gzip header is written. Level 5 of 9.
    let status = unsafe deflateInit2_(
      stream, 5, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { return nil }
  }

  deinit {
    unsafe deflateEnd(stream)
    unsafe stream.deallocate()
  }

  func encode(_ bytes: [UInt8], isLast: Bool) throws(WireError) -> [UInt8] {
    var output: [UInt8] = []
    var bytes = bytes
    var piece = [UInt8](repeating: 0, count: GzipEncoder.pieceByteCount)
    var failure: Int32 = Z_OK
    unsafe bytes.withUnsafeMutableBufferPointer { input in
      // SAFETY: zlib reads the input, which outlives the loop, and writes at most the piece.
      unsafe stream.pointee.next_in = input.baseAddress
      unsafe stream.pointee.avail_in = UInt32(clamping: input.count)
      var isFull = true
      while isFull, failure == Z_OK {
        let count = unsafe piece.withUnsafeMutableBufferPointer { room in
          unsafe stream.pointee.next_out = room.baseAddress
          unsafe stream.pointee.avail_out = UInt32(clamping: room.count)
          let status = unsafe deflate(stream, isLast ? Z_FINISH : Z_SYNC_FLUSH)
          if status == Z_STREAM_ERROR { failure = status }
          return unsafe room.count - Int(stream.pointee.avail_out)
        }
        output += piece[..<count]
        isFull = count == piece.count
      }
    }
    guard failure == Z_OK else { throw WireError(.internalError, "zlib failed: \(failure)") }
    return output
  }
}

/// zstd (RFC 8878).
@safe final class ZstdEncoder: BodyEncoder {
  // SAFETY: `context` is created in `init`, freed in `deinit` and used by one thread at a time.
  private let context: OpaquePointer

  /// Nil if there is no memory.
  init?() {
    guard let context = unsafe ZSTD_createCCtx() else { return nil }
    unsafe self.context = context
  }

  deinit { unsafe ZSTD_freeCCtx(context) }

  func encode(_ bytes: [UInt8], isLast: Bool) throws(WireError) -> [UInt8] {
    var output: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    var failure: String?
    unsafe bytes.withUnsafeBytes { input in
      var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
      var remaining = 1
      while remaining > 0, failure == nil {
        let count = unsafe piece.withUnsafeMutableBytes { room in
          // SAFETY: both buffers are valid for their sizes during the call.
          var target = unsafe ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
          remaining = unsafe ZSTD_compressStream2(
            context, &target, &source, isLast ? ZSTD_e_end : ZSTD_e_flush)
          if ZSTD_isError(remaining) != 0 {
            failure = unsafe String(cString: ZSTD_getErrorName(remaining))
          }
          return unsafe target.pos
        }
        output += piece[..<count]
      }
    }
    if let failure { throw WireError(.internalError, "zstd failed: \(failure)") }
    return output
  }
}
