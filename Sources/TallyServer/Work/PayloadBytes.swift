internal import TallyBase
internal import TallyIngest
package import TallyWire

/// A payload as it was before it was compressed.
package enum PayloadBytes {
  /// How much longer than what came it may get: no events compress so well, only attacks do.
  private static let expansionMax = 1_000

  /// - Throws: `E_INPUT` if it is not of that compression, `E_TOO_LARGE` if it is too long.
  package static func decode(
    _ payload: [UInt8], _ encoding: PayloadEncoding, byteCountMax: Int
  ) throws(WireError) -> [UInt8] {
    let magic: [UInt8]
    switch encoding {
    case .none: return payload
    case .gzip: magic = [0x1F, 0x8B]
    case .zstd: magic = [0x28, 0xB5, 0x2F, 0xFD]
    }
    guard payload.starts(with: magic) else {
      throw WireError(.input, "the payload does not begin as \(encoding.rawValue) data does")
    }
    do throws(TallyError) {
      return try read(
        payload, byteCountMax: min(byteCountMax, payload.count &* PayloadBytes.expansionMax))
    } catch {
      guard error.code != .resourceExhausted else {
        throw WireError(
          .tooLarge, error.message, fields: [WireField("max", "\(byteCountMax)")],
          hint: "send smaller batches")
      }
      throw WireError(.input, error.message)
    }
  }

  private static func read(
    _ payload: [UInt8], byteCountMax: Int
  ) throws(TallyError) -> [UInt8] {
    let source = DecompressingSource(ArraySource(payload))
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 256 << 10)
    while true {
      let result = unsafe piece.withUnsafeMutableBytes { buffer -> Result<Int, TallyError> in
        do throws(TallyError) {
          // SAFETY: the buffer is valid for its count during the call.
          return .success(try unsafe source.read(into: buffer))
        } catch {
          return .failure(error)
        }
      }
      let count = try result.get()
      if count == 0 { return bytes }
      guard bytes.count + count <= byteCountMax else {
        throw TallyError(
          .resourceExhausted,
          "the payload has more than \(byteCountMax) bytes once it is decompressed")
      }
      bytes += piece[..<count]
    }
  }
}

/// Bytes that are at hand.
private final class ArraySource: ByteSource {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(TallyError) -> Int {
    let count = min(buffer.count, bytes.count - position)
    // SAFETY: `count` bytes are in the array from `position` and fit into the buffer.
    unsafe buffer.copyBytes(from: bytes[position..<(position + count)])
    position += count
    return count
  }
}
