import TallyBase

/// The last 32 bytes of a segment.
///
/// ```
/// 0  8  footer offset
/// 8  4  footer byte count
/// 12 4  CRC-32C of the footer
/// 16 2  format version
/// 18 2  zero
/// 20 4  CRC-32C of bytes 0..<20
/// 24 8  magic "TALLYEND"
/// ```
struct SegmentTrailer: Hashable, Sendable {
  var footerOffset: Int64
  var footerByteCount: Int
  var footerCRC: UInt32

  func append(to writer: inout ByteWriter) {
    let start = writer.count
    writer.append(UInt64(bitPattern: footerOffset))
    writer.append(UInt32(truncatingIfNeeded: footerByteCount))
    writer.append(footerCRC)
    writer.append(SegmentFormat.version)
    writer.append(UInt16(0))
    writer.append(CRC32C.checksum(writer.bytes, start..<writer.count))
    writer.append(contentsOf: SegmentFormat.trailerMagic)
  }

  init(footerOffset: Int64, footerByteCount: Int, footerCRC: UInt32) {
    self.footerOffset = footerOffset
    self.footerByteCount = footerByteCount
    self.footerCRC = footerCRC
  }

  /// - Parameter fileByteCount: length of the file that `bytes` end.
  /// - Throws: `corruption`, `version`.
  init(_ bytes: [UInt8], fileByteCount: Int64) throws(TallyError) {
    var reader = ByteReader(bytes, subject: "segment trailer")
    let offset = try reader.readUInt64()
    let byteCount = try reader.readUInt32()
    footerCRC = try reader.readUInt32()
    let version = try reader.readUInt16()
    let reserved = try reader.readUInt16()
    let crc = try reader.readUInt32()
    guard try reader.readBytes(byteCount: 8) == SegmentFormat.trailerMagic else {
      throw reader.corruption("it does not end with 'TALLYEND'")
    }
    guard crc == CRC32C.checksum(bytes, 0..<20) else {
      throw reader.corruption("its checksum does not match")
    }
    guard version <= SegmentFormat.version, reserved == 0 else {
      throw SegmentTrailer.versionError(version)
    }
    let end = fileByteCount - Int64(SegmentFormat.trailerByteCount)
    guard let position = Int64(exactly: offset), position >= SegmentFormat.headerByteCount,
      position <= end, Int64(byteCount) == end - position
    else {
      throw reader.corruption(
        "the footer would be \(byteCount) bytes at \(offset) of \(fileByteCount)")
    }
    footerOffset = position
    footerByteCount = Int(byteCount)
  }

  static func versionError(_ version: UInt16) -> TallyError {
    TallyError(
      .version,
      "the segment has format version \(version), this build reads up to "
        + "\(SegmentFormat.version)", hint: "use a newer build of Tally")
  }
}
