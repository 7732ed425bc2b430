import TallyBase

/// The first 16 bytes of a segment.
///
/// ```
/// 0  8  magic "TALLYSEG"
/// 8  2  format version
/// 10 2  zero
/// 12 4  CRC-32C of bytes 0..<12
/// ```
enum SegmentHeader {
  static func append(to writer: inout ByteWriter) {
    let start = writer.count
    writer.append(contentsOf: SegmentFormat.headerMagic)
    writer.append(SegmentFormat.version)
    writer.append(UInt16(0))
    writer.append(CRC32C.checksum(writer.bytes, start..<writer.count))
  }

  /// - Throws: `corruption`, `version`.
  static func check(_ bytes: [UInt8]) throws(TallyError) {
    var reader = ByteReader(bytes, subject: "segment header")
    let magic = try reader.readBytes(byteCount: 8)
    guard magic == SegmentFormat.headerMagic else {
      throw reader.corruption("it does not start with 'TALLYSEG'")
    }
    let version = try reader.readUInt16()
    let reserved = try reader.readUInt16()
    let crc = try reader.readUInt32()
    guard crc == CRC32C.checksum(bytes, 0..<12) else {
      throw reader.corruption("its checksum does not match")
    }
    guard version <= SegmentFormat.version, reserved == 0 else {
      throw SegmentTrailer.versionError(version)
    }
  }
}
