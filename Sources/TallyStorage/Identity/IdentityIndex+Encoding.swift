import TallyBase

/// Section `identities`:
/// ```
/// 0   8   check: fingerprint of NULL and the empty id
/// 8   4   entry count n
/// 12  1   bucket bit count b
/// 13  1   row bit count w
/// 14  2   zero
/// 16  4 * (2^b + 1)  first entry of each bucket, then n
///     2 * n          suffixes
///     4 * n          rows and remainders
/// ```
extension IdentityIndex {
  private static let headerByteCount = 16
  private static let bucketBitCountMax = 28

  func encoded(key: Fingerprinter) -> [UInt8] {
    var writer = ByteWriter(
      reserving: IdentityIndex.headerByteCount + offsets.count * 4 + count * 6)
    writer.append(key.check)
    writer.append(UInt32(truncatingIfNeeded: count))
    writer.append(UInt8(truncatingIfNeeded: bucketBitCount))
    writer.append(UInt8(truncatingIfNeeded: rowBitCount))
    writer.append(UInt16(0))
    for offset in offsets { writer.append(offset) }
    for suffix in suffixes.prefix(count) { writer.append(suffix) }
    for entry in entries { writer.append(entry) }
    return writer.bytes
  }

  /// - Returns: nil if the section was made under another key.
  /// - Throws: `corruption`.
  convenience init?(
    section bytes: [UInt8], rowCount: Int, key: Fingerprinter
  ) throws(TallyError) {
    var reader = ByteReader(bytes, subject: "segment section 'identities'")
    guard try reader.readUInt64() == key.check else { return nil }
    let count = Int(try reader.readUInt32())
    let bucketBitCount = Int(try reader.readUInt8())
    let rowBitCount = Int(try reader.readUInt8())
    _ = try reader.readUInt16()
    guard count <= rowCount, (1...31).contains(rowBitCount),
      bucketBitCount <= min(rowBitCount, IdentityIndex.bucketBitCountMax)
    else {
      throw reader.corruption(
        "it has \(count) entries, \(bucketBitCount) bucket bits and \(rowBitCount) row bits")
    }
    let offsets: [UInt32] = try IdentityIndex.read(&reader, count: 1 << bucketBitCount + 1)
    let suffixes: [UInt16] = try IdentityIndex.read(&reader, count: count)
    let entries: [UInt32] = try IdentityIndex.read(&reader, count: count)
    try reader.expectEnd()
    guard offsets.first == 0, offsets.last == UInt32(truncatingIfNeeded: count),
      zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
    else { throw reader.corruption("its buckets do not follow each other") }
    let mask = (UInt32(1) << UInt32(rowBitCount)) - 1
    guard entries.allSatisfy({ Int($0 & mask) < rowCount }) else {
      throw reader.corruption("it names a row beyond the segment's \(rowCount)")
    }
    self.init(
      bucketBitCount: bucketBitCount, rowBitCount: rowBitCount, offsets: offsets,
      suffixes: suffixes, entries: entries)
  }

  private static func read<Element: FixedWidthInteger & BitwiseCopyable>(
    _ reader: inout ByteReader, count: Int
  ) throws(TallyError) -> [Element] {
    let width = MemoryLayout<Element>.size
    let range = try reader.readRange(byteCount: count * width)
    return unsafe reader.bytes.withUnsafeBytes { bytes in
      unsafe [Element](unsafeUninitializedCapacity: count) { target, initialized in
        for index in 0..<count {
          // SAFETY: the reader has seen that `range` holds `count` elements.
          unsafe target[index] = Element(
            littleEndian: bytes.loadUnaligned(
              fromByteOffset: range.lowerBound + index * width, as: Element.self))
        }
        initialized = count
      }
    }
  }
}

extension IdentityIndex {
  /// Of rows on their way into a segment; nil if none has an id.
  convenience init?(_ columns: [SegmentColumnData], rowCount: Int, key: Fingerprinter) {
    guard let ids = columns.first(where: { $0.column.id == Schema.eventIDColumnID }),
      case .text(let offsets, let bytes) = ids.values
    else { return nil }
    var orgs: [SymbolCode] = []
    if let org = columns.first(where: { $0.column.id == Schema.orgColumnID }),
      case .symbol(let codes) = org.values
    {
      orgs = codes
    }
    var rows: [UInt32] = []
    var fingerprints: [UInt64] = []
    unsafe bytes.withUnsafeBufferPointer { bytes in
      for row in 0..<rowCount where ids.validity.isEmpty || ids.validity[row] != 0 {
        rows.append(UInt32(truncatingIfNeeded: row))
        // SAFETY: offsets ascend and end at the number of bytes, as `ColumnSource` has checked.
        fingerprints.append(
          unsafe key.fingerprint(
            org: orgs.isEmpty ? nullSymbolCode : orgs[row],
            id: UnsafeBufferPointer(rebasing: bytes[offsets[row]..<offsets[row + 1]])))
      }
    }
    guard !rows.isEmpty else { return nil }
    self.init(rows: rows, fingerprints: fingerprints, rowCount: rowCount)
  }
}
