import TallyBase

/// The footer: where the sections are.
///
/// ```
/// 0  4   entry count
/// per entry, 24 bytes:
///    2   section type
///    2   flags
///    8   offset
///    4   byte count stored
///    4   byte count after zstd is taken off
///    4   CRC-32C of the stored bytes
/// ```
struct SectionTable: Hashable, Sendable {
  var entries: [SectionEntry] = []

  func append(to writer: inout ByteWriter) {
    writer.append(UInt32(truncatingIfNeeded: entries.count))
    for entry in entries {
      writer.append(entry.type)
      writer.append(entry.flags.rawValue)
      writer.append(UInt64(bitPattern: entry.offset))
      writer.append(UInt32(truncatingIfNeeded: entry.storedByteCount))
      writer.append(UInt32(truncatingIfNeeded: entry.byteCount))
      writer.append(entry.crc)
    }
  }

  init() {}

  /// - Parameter end: where the footer begins; sections lie between the header and it.
  /// - Throws: `corruption`; `version` if a required section is unknown.
  init(_ bytes: [UInt8], end: Int64) throws(TallyError) {
    var reader = ByteReader(bytes, subject: "segment footer")
    let count = Int(try reader.readUInt32())
    guard count <= SegmentFormat.sectionCountMax else {
      throw reader.corruption("it lists \(count) sections")
    }
    for _ in 0..<count {
      let type = try reader.readUInt16()
      let flags = SectionFlags(rawValue: try reader.readUInt16())
      let offset = try reader.readUInt64()
      let stored = Int(try reader.readUInt32())
      let byteCount = Int(try reader.readUInt32())
      let crc = try reader.readUInt32()
      guard let position = Int64(exactly: offset), position >= SegmentFormat.headerByteCount,
        position <= end, Int64(stored) <= end - position, byteCount <= SegmentFormat.byteCountMax
      else { throw reader.corruption("section \(type) lies outside the file") }
      entries.append(
        SectionEntry(
          type: type, flags: flags, offset: position, storedByteCount: stored,
          byteCount: byteCount, crc: crc))
    }
    try reader.expectEnd()
    for entry in entries where entry.flags.contains(.required) {
      guard SectionType(rawValue: entry.type) != nil,
        entry.flags.isSubset(of: SectionFlags.known)
      else {
        throw TallyError(
          .version,
          "the segment needs section type \(entry.type) with flags \(entry.flags.rawValue), "
            + "which this build does not know", hint: "use a newer build of Tally")
      }
    }
  }

  func entry(_ type: SectionType) throws(TallyError) -> SectionEntry {
    guard let entry = entries.first(where: { $0.type == type.rawValue }) else {
      throw TallyError(.corruption, "segment footer lists no section '\(type)'")
    }
    return entry
  }
}

/// One line of the section table.
package struct SectionEntry: Hashable, Sendable {
  /// A `SectionType`, or one that this build does not know.
  package var type: UInt16
  package var flags: SectionFlags
  package var offset: Int64
  package var storedByteCount: Int
  package var byteCount: Int
  package var crc: UInt32
}
