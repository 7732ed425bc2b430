import CZlib
import TallyBase

/// Decodes gzip (RFC 1952): any number of members one after another, zero padding at the end.
@safe final class GzipDecoder: StreamDecoder {
  // SAFETY: zlib keeps a pointer to its stream, so the stream lives at one address until `deinit`.
  private let stream: UnsafeMutablePointer<z_stream>
  private var isBetweenMembers = true
  private var isInitialised = false

  let formatName = "gzip"

  init() throws(TallyError) {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // 15 bits of window, plus 16: a gzip header is expected.
    let status = unsafe inflateInit2_(
      stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      throw TallyError(.resourceExhausted, "zlib has no memory for a decoder")
    }
    isInitialised = true
  }

  deinit {
    if isInitialised { unsafe inflateEnd(stream) }
    unsafe stream.deallocate()
  }

  var isAtBoundary: Bool { isBetweenMembers }

  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(TallyError) -> (consumedCount: Int, producedCount: Int) {
    var skipped = 0
    if isBetweenMembers {
      while skipped < input.count, unsafe input[skipped] == 0 { skipped += 1 }
      if skipped == input.count { return (skipped, 0) }
      unsafe inflateReset(stream)
      isBetweenMembers = false
    }
    let rest = unsafe UnsafeRawBufferPointer(rebasing: input.dropFirst(skipped))
    // zlib takes the input as mutable but never writes to it.
    unsafe stream.pointee.next_in = UnsafeMutablePointer(
      mutating: rest.bindMemory(to: UInt8.self).baseAddress)
    unsafe stream.pointee.avail_in = UInt32(clamping: rest.count)
    unsafe stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
    unsafe stream.pointee.avail_out = UInt32(clamping: output.count)
    let status = unsafe inflate(stream, Z_NO_FLUSH)
    let consumed =
      unsafe skipped + Int(UInt32(clamping: rest.count)) - Int(stream.pointee.avail_in)
    let produced = unsafe Int(UInt32(clamping: output.count)) - Int(stream.pointee.avail_out)
    switch status {
    case Z_STREAM_END: isBetweenMembers = true
    case Z_OK: break
    case Z_BUF_ERROR: break
    default:
      // What came out before the damage is taken first; zlib keeps failing after it.
      if produced > 0 { return (consumed, produced) }
      let detail = unsafe stream.pointee.msg.map { unsafe String(cString: $0) } ?? "code \(status)"
      throw TallyError(.corruption, "the gzip data is corrupt: \(detail)")
    }
    return (consumed, produced)
  }
}
