import SystemPackage
import TallyBase
import TallyFile

/// The bytes of a `dictionaries/NNNN.dict`: a header, then blocks, only ever appended to.
///
/// Header, 48 bytes: `magic "TALLYDIC" | version u16 | flags u16 | column id u32 | store id 16 |
/// 0 u64 | 0 u32 | crc u32`.
///
/// Block: `magic u32 | first code u32 | entry count u32 | payload byte count u32 |
/// payload crc u32 | crc of the 20 bytes before u32 | payload`; the payload holds the entries'
/// lengths as varints, then their bytes. Entries are numbered in order, from 1.
enum DictionaryFile {
  static let magic: [UInt8] = Array("TALLYDIC".utf8)
  static let formatVersion: UInt16 = 1
  static let headerByteCount = 48
  private static let blockHeaderByteCount = 24
  private static let blockMagic: UInt32 = 0x4B4C_4244
  /// A block ends once it has this many bytes of entries, so that a damaged one says where.
  private static let blockHeapByteCount = 1 << 20

  static func header(column: Int, storeID: StoreID) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(contentsOf: magic)
    writer.append(formatVersion)
    writer.append(UInt16(0))
    writer.append(UInt32(truncatingIfNeeded: column))
    storeID.append(to: &writer)
    writer.append(UInt64(0))
    writer.append(UInt32(0))
    writer.append(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  /// Blocks with the entries `first...table.count`.
  static func blocks(of table: StringTable, from first: Int) -> [UInt8] {
    var writer = ByteWriter()
    var code = first
    while code <= table.count {
      let start = table.offsets[code - 1]
      var next = code
      while next <= table.count, next == code || table.offsets[next] - start <= blockHeapByteCount {
        next += 1
      }
      appendBlock(of: table, codes: code..<next, to: &writer)
      code = next
    }
    return writer.bytes
  }

  private static func appendBlock(
    of table: StringTable, codes: Range<Int>, to writer: inout ByteWriter
  ) {
    var payload = ByteWriter()
    for code in codes { payload.appendVarint(table.offsets[code] - table.offsets[code - 1]) }
    let start = table.offsets[codes.lowerBound - 1]
    payload.append(contentsOf: table.heap[start..<table.offsets[codes.upperBound - 1]])
    var header = ByteWriter()
    header.append(blockMagic)
    header.append(UInt32(truncatingIfNeeded: codes.lowerBound))
    header.append(UInt32(truncatingIfNeeded: codes.count))
    header.append(UInt32(truncatingIfNeeded: payload.count))
    header.append(CRC32C.checksum(payload.bytes))
    header.append(CRC32C.checksum(header.bytes))
    writer.append(contentsOf: header.bytes)
    writer.append(contentsOf: payload.bytes)
  }

  /// - Throws: `corruption`, `version`.
  static func verifyHeader(
    _ reader: inout ByteReader, column: Int, storeID: StoreID
  ) throws(TallyError) {
    let bytes = try reader.readBytes(byteCount: headerByteCount)
    var fields = ByteReader(bytes, subject: reader.subject)
    guard try fields.readBytes(byteCount: magic.count) == magic else {
      throw fields.corruption("it does not begin with 'TALLYDIC'")
    }
    let version = try fields.readUInt16()
    guard CRC32C.checksum(bytes, 0..<(headerByteCount - 4)) == crc(atEndOf: bytes) else {
      throw fields.corruption("the checksum of its header does not match")
    }
    guard version <= formatVersion else {
      throw TallyError(
        .version,
        "\(reader.subject) is of format version \(version), this build reads up to "
          + "\(formatVersion)",
        hint: "use the newer Tally that wrote the store")
    }
    guard bytes == header(column: column, storeID: storeID) else {
      throw fields.corruption("it belongs to another column or store")
    }
  }

  private static func crc(atEndOf bytes: [UInt8]) -> UInt32 {
    bytes.suffix(4).reversed().reduce(0) { ($0 << 8) | UInt32($1) }
  }

  /// Appends the blocks in the rest of `reader` to `table`.
  ///
  /// - Throws: `corruption`.
  /// - Complexity: O(bytes), one hash look-up an entry.
  static func readBlocks(
    _ reader: inout ByteReader, into table: inout StringTable
  ) throws(TallyError) {
    while !reader.isAtEnd {
      let start = reader.position
      guard try reader.readUInt32() == blockMagic else {
        throw reader.corruption("a block does not begin with its mark")
      }
      let first = try reader.readUInt32()
      let count = try reader.readUInt32()
      let payloadByteCount = try reader.readUInt32()
      let checksum = try reader.readUInt32()
      let headerChecksum = CRC32C.checksum(reader.bytes, start..<reader.position)
      guard try reader.readUInt32() == headerChecksum else {
        throw reader.corruption("the checksum of a block's header does not match")
      }
      let payload = try reader.readRange(byteCount: Int(payloadByteCount))
      guard CRC32C.checksum(reader.bytes, payload) == checksum else {
        throw reader.corruption("the checksum of a block does not match")
      }
      guard Int(first) == table.count + 1 else {
        throw reader.corruption("a block begins with code \(first), not \(table.count + 1)")
      }
      var body = ByteReader(reader.bytes, range: payload, subject: reader.subject)
      try readEntries(&body, count: Int(count), into: &table)
    }
  }

  private static func readEntries(
    _ body: inout ByteReader, count: Int, into table: inout StringTable
  ) throws(TallyError) {
    guard count <= body.remainingCount, table.count + count <= Schema.dictionaryEntryCountMax
    else { throw body.corruption("a block claims to hold \(count) entries") }
    var lengths: [Int] = []
    lengths.reserveCapacity(count)
    for _ in 0..<count {
      lengths.append(try body.readCount(upTo: body.remainingCount, "the length of an entry"))
    }
    let start = body.position
    guard lengths.reduce(0, &+) == body.remainingCount else {
      throw body.corruption("the lengths of a block's entries do not add up")
    }
    let isDistinct = unsafe body.bytes.withUnsafeBufferPointer { bytes in
      var position = start
      for length in lengths {
        let expected = SymbolCode(truncatingIfNeeded: table.count + 1)
        // SAFETY: the lengths add up to what remains of `body`, as checked above.
        let entry = unsafe UnsafeBufferPointer(rebasing: bytes[position..<(position + length)])
        if unsafe table.intern(entry) != expected { return false }
        position += length
      }
      return true
    }
    guard isDistinct else { throw body.corruption("an entry occurs twice") }
  }
}
