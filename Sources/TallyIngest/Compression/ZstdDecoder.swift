import CZstd
import TallyBase

/// Decodes zstd (RFC 8878): any number of frames one after another, skippable ones included.
@safe final class ZstdDecoder: StreamDecoder {
  // SAFETY: `context` is created in `init`, freed in `deinit` and used by one thread at a time.
  private let context: OpaquePointer
  private(set) var isAtBoundary = true
  private var failure: TallyError?

  let formatName = "zstd"

  init() throws(TallyError) {
    guard let context = unsafe ZSTD_createDCtx() else {
      throw TallyError(.resourceExhausted, "zstd has no memory for a decoder")
    }
    unsafe self.context = context
  }

  deinit { unsafe ZSTD_freeDCtx(context) }

  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(TallyError) -> (consumedCount: Int, producedCount: Int) {
    if let failure { throw failure }
    var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let status = unsafe ZSTD_decompressStream(context, &target, &source)
    let produced = unsafe target.pos
    if ZSTD_isError(status) != 0 {
      let detail = unsafe String(cString: ZSTD_getErrorName(status))
      let error = TallyError(.corruption, "the zstd data is corrupt: \(detail)")
      if produced == 0 { throw error }
      // What came out before the damage is taken first.
      failure = error
      return unsafe (source.pos, produced)
    }
    // 0: a frame ended and everything was flushed. A call without effect says nothing.
    if unsafe source.pos > 0 || produced > 0 { isAtBoundary = status == 0 }
    return unsafe (source.pos, produced)
  }
}
