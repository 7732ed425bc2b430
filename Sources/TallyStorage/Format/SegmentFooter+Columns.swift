import TallyBase

/// Section `columns`:
///
/// ```
/// column count varint
/// per column, ascending by id:
///   id varint, kind u8, offset of its first page varint
///   per page, row groups in order:
///     encoding u8, high bit set = zstd
///     CRC-32C of the stored bytes u32
///     byte count stored varint
///     byte count after zstd is taken off varint, if zstd
///     NULLs varint
///     if bounded (symbol; int64 and bool unless every row is NULL):
///       minimum less that of the page before (0 for the first), modulo 2^64, signed varint
///       maximum less minimum varint
///       int64 and bool: sum less minimum * rows that are not NULL, a varint of up to 128 bits
/// ```
/// The pages of a column lie one behind the other. A page has 30,720 rows, the last of a row group
/// what is left.
extension SegmentFooter {
  func appendColumns(to writer: inout ByteWriter) {
    let stored = columns.compactMap { $0 }
    writer.appendVarint(stored.count)
    for column in stored {
      writer.appendVarint(column.columnID)
      writer.append(column.kind.rawValue)
      writer.appendVarint(Int(column.chunks.first?.pages.first?.offset ?? 0))
      var previousMinimum: Int64 = 0
      for chunk in column.chunks {
        for page in chunk.pages {
          SegmentFooter.append(page, column.kind, &previousMinimum, to: &writer)
        }
      }
    }
  }

  private static func append(
    _ page: PageLocation, _ kind: ColumnKind, _ previousMinimum: inout Int64,
    to writer: inout ByteWriter
  ) {
    writer.append(page.encoding.rawValue | (page.isCompressed ? 0x80 : 0))
    writer.append(page.crc)
    writer.appendVarint(Int(page.storedByteCount))
    if page.isCompressed { writer.appendVarint(Int(page.encodedByteCount)) }
    let zone = page.zoneMap
    writer.appendVarint(zone.nullCount)
    guard zone.hasBounds else { return }
    writer.appendSignedVarint(zone.minimum &- previousMinimum)
    previousMinimum = zone.minimum
    writer.appendVarint(UInt64(bitPattern: zone.maximum &- zone.minimum))
    guard kind.hasSum else { return }
    let presentCount = Int128(Int(page.rowCount) - zone.nullCount)
    var rest = UInt128(bitPattern: zone.sum - Int128(zone.minimum) * presentCount)
    while rest >= 0x80 {
      writer.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    writer.append(UInt8(truncatingIfNeeded: rest))
  }

  /// - Parameter end: where pages must have ended.
  mutating func readColumns(_ bytes: [UInt8], end: Int64) throws(TallyError) {
    var reader = ByteReader(bytes, subject: "segment section 'columns'")
    let count = try reader.readCount(upTo: Schema.columnCountMax, "a column count")
    for _ in 0..<count {
      let column = try readColumn(&reader, end: end)
      while columns.count < column.columnID { columns.append(nil) }
      guard columns.count == column.columnID else {
        throw reader.corruption("column ids do not ascend")
      }
      columns.append(column)
    }
    try reader.expectEnd()
  }

  private func readColumn(_ reader: inout ByteReader, end: Int64) throws(TallyError) -> Column {
    let id = try reader.readCount(upTo: Schema.columnCountMax - 1, "a column id")
    let kindNumber = try reader.readUInt8()
    guard let kind = ColumnKind(rawValue: kindNumber) else {
      throw TallyError(
        .version, "column \(id) is of kind \(kindNumber), which this build does not know",
        hint: "use a newer build of Tally")
    }
    var cursor = PageCursor(
      columnID: id, kind: kind,
      offset: Int64(try reader.readCount(upTo: Int(end), "a page offset")), end: end)
    var column = Column(
      columnID: id, kind: kind, localDictionary: [], chunks: [], zoneMap: .empty)
    for group in rowGroups {
      var chunk = Chunk(pages: [], zoneMap: .empty)
      var row = 0
      while row < group.rowCount {
        let rows = min(Page.rowCountMax, group.rowCount - row)
        let page = try cursor.readPage(&reader, rowCount: rows)
        chunk.pages.append(page)
        chunk.zoneMap.merge(page.zoneMap)
        row += rows
      }
      column.zoneMap.merge(chunk.zoneMap)
      column.chunks.append(chunk)
    }
    return column
  }

  /// What carries over from one page of a column to the next.
  private struct PageCursor {
    let columnID: Int
    let kind: ColumnKind
    var offset: Int64
    let end: Int64
    var previousMinimum: Int64 = 0

    mutating func readPage(
      _ reader: inout ByteReader, rowCount: Int
    ) throws(TallyError) -> PageLocation {
      let number = try reader.readUInt8()
      guard let encoding = PageEncoding(rawValue: number & 0x7F) else {
        throw TallyError(
          .version,
          "column \(columnID) has page encoding \(number & 0x7F), which this build does not know",
          hint: "use a newer build of Tally")
      }
      let isCompressed = number >= 0x80
      let crc = try reader.readUInt32()
      guard offset >= SegmentFormat.headerByteCount else {
        throw reader.corruption("a page lies in the header")
      }
      let stored = try reader.readCount(
        upTo: min(Int(end - offset), SegmentFormat.byteCountMax), "a page's length")
      let encoded =
        isCompressed
        ? try reader.readCount(upTo: SegmentFormat.byteCountMax, "a page's length") : stored
      defer { offset += Int64(stored) }
      return PageLocation(
        offset: offset, storedByteCount: Int32(stored), encodedByteCount: Int32(encoded),
        rowCount: Int32(rowCount), encoding: encoding, isCompressed: isCompressed, crc: crc,
        zoneMap: try readZoneMap(&reader, rowCount: rowCount))
    }

    private mutating func readZoneMap(
      _ reader: inout ByteReader, rowCount: Int
    ) throws(TallyError) -> ZoneMap {
      var zone = ZoneMap.empty
      zone.nullCount = try reader.readCount(upTo: rowCount, "a NULL count")
      guard kind.hasBounds, kind == .symbol || zone.nullCount < rowCount else { return zone }
      zone.hasBounds = true
      zone.minimum = previousMinimum &+ (try reader.readSignedVarint())
      previousMinimum = zone.minimum
      zone.maximum = zone.minimum &+ Int64(bitPattern: try reader.readVarint())
      guard zone.maximum >= zone.minimum else {
        throw reader.corruption("a zone map ends before it begins")
      }
      guard kind.hasSum else { return zone }
      let presentCount = Int128(rowCount - zone.nullCount)
      let excess = try readVarint128(&reader)
      let excessMaximum = (Int128(zone.maximum) - Int128(zone.minimum)) * presentCount
      guard excess <= UInt128(bitPattern: excessMaximum) else {
        throw reader.corruption("a sum does not fit its bounds")
      }
      zone.sum = Int128(zone.minimum) * presentCount + Int128(bitPattern: excess)
      return zone
    }

    private func readVarint128(_ reader: inout ByteReader) throws(TallyError) -> UInt128 {
      var value: UInt128 = 0
      for shift in stride(from: UInt128(0), to: 126, by: 7) {
        let byte = try reader.readUInt8()
        value |= UInt128(byte & 0x7F) << shift
        if byte < 0x80 { return value }
      }
      throw reader.corruption("a sum is longer than 126 bits")
    }
  }
}
