import TallyBase

/// Values as they are. Layout: 8 bytes a row.
struct PlainEncoding: IntegerDecoder {
  private let bytes: [UInt8]
  private let offset: Int
  private let rowCount: Int

  init(_ reader: inout ByteReader, rowCount: Int) throws(TallyError) {
    offset = try reader.readRange(byteCount: 8 * rowCount).lowerBound
    try reader.expectEnd()
    bytes = reader.bytes
    self.rowCount = rowCount
  }

  static func encode(_ values: [Int64], into writer: inout ByteWriter) {
    #if _endian(little)
      let words = values
    #else
      let words = values.map { $0.littleEndian }
    #endif
    unsafe words.withUnsafeBytes { raw in
      unsafe writer.append(contentsOf: raw.bindMemory(to: UInt8.self))
    }
  }

  func decodeNarrow(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Affine? { nil }

  func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) {
    let rows = Blocks.rowCount(block, of: rowCount)
    let start = offset + block * Page.blockRowCount * 8
    unsafe bytes.withUnsafeBytes { source in
      for row in 0..<rows {
        // SAFETY: `init` checked that 8 bytes a row lie behind `offset`.
        let word = unsafe source.loadUnaligned(
          fromByteOffset: start &+ row &* 8, as: Int64.self)
        unsafe target[row] = Int64(littleEndian: word)
      }
    }
  }
}
