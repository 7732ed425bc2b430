package import TallyBase

extension EventBatchCodec {
  /// - Throws: `corruption`; `version` for a column of an unknown type. What is decoded is a batch
  ///   that `append` would take.
  package init(decoding payload: [UInt8], lsn: UInt64) throws(TallyError) {
    self.init()
    var reader = ByteReader(payload, subject: "record \(lsn) of the log")
    producer = try EventBatchCodec.name(from: &reader)
    sequence = try reader.readVarint()
    ingestedAtMicroseconds = try reader.readInt64()
    let rowCount = try reader.readCount(
      upTo: EventBatchCodec.rowCountMax, "the number of rows")
    let columnCount = try reader.readCount(
      upTo: Schema.columnCountMax, "the number of columns")
    guard rowCount * columnCount <= EventBatchCodec.valueCountMax else {
      throw reader.corruption("it claims \(rowCount) rows of \(columnCount) columns")
    }
    batch = EventBatch(rowCount: rowCount)
    for _ in 0..<columnCount {
      batch.columns.append(try EventBatchCodec.column(from: &reader, rowCount: rowCount))
    }
    try reader.expectEnd()
    do throws(TallyError) {
      _ = try BatchCheck.check(batch)
    } catch {
      throw reader.corruption(error.message)
    }
  }

  private static func name(from reader: inout ByteReader) throws(TallyError) -> String {
    let count = try reader.readCount(upTo: nameByteCountMax, "the length of a name")
    let bytes = try reader.readBytes(byteCount: count)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw reader.corruption("a name is not UTF-8")
    }
    return text
  }

  private static func column(
    from reader: inout ByteReader, rowCount: Int
  ) throws(TallyError) -> EventColumn {
    let name = try name(from: &reader)
    let kind = try reader.readUInt8()
    let precision = try reader.readUInt8()
    let scale = try reader.readUInt8()
    guard let type = ColumnSchema.type(kind, precision: precision, scale: scale) else {
      throw TallyError(
        .version, "column '\(name)' in the log is of type \(kind), which this build does not know",
        hint: "the store was written by a newer Tally: use that one to read it")
    }
    let form = try reader.readUInt8()
    guard form <= 1 else { throw reader.corruption("validity has form \(form), expected 0 or 1") }
    let validity = form == 1 ? try BitPacking.read(from: &reader, count: rowCount) : []
    let values = try values(of: type, validity, from: &reader, rowCount: rowCount)
    return EventColumn(name: name, type: type, values: values, validity: validity)
  }

  private static func values(
    of type: LogicalType, _ validity: [UInt8], from reader: inout ByteReader, rowCount: Int
  ) throws(TallyError) -> EventColumn.Values {
    switch type {
    case .bool: return .bool(try BitPacking.read(from: &reader, count: rowCount))
    case .double: return .double(try doubles(from: &reader, count: rowCount))
    case .symbol: return try symbols(from: &reader, rowCount: rowCount)
    case .text:
      let (offsets, range) = try texts(from: &reader, count: rowCount)
      return .text(offsets: offsets, bytes: Array(reader.bytes[range]))
    default:
      var values = try IntegerPacking.read(from: &reader, count: rowCount)
      // NULL rows come as the minimum; in a batch they are zero.
      if !validity.isEmpty {
        for row in 0..<rowCount { values[row] &= -Int64(validity[row]) }
      }
      return .int64(values)
    }
  }

  private static func doubles(
    from reader: inout ByteReader, count: Int
  ) throws(TallyError) -> [Double] {
    let start = try reader.readRange(byteCount: count * 8).lowerBound
    return unsafe reader.bytes.withUnsafeBytes { raw in
      unsafe [Double](unsafeUninitializedCapacity: count) { target, initialized in
        // SAFETY: the reader has stepped over eight bytes for each of `count` numbers.
        for index in 0..<count {
          let word = unsafe raw.loadUnaligned(
            fromByteOffset: start &+ index &* 8, as: UInt64.self)
          unsafe target[index] = Double(bitPattern: UInt64(littleEndian: word))
        }
        initialized = count
      }
    }
  }

  private static func symbols(
    from reader: inout ByteReader, rowCount: Int
  ) throws(TallyError) -> EventColumn.Values {
    let count = try reader.readCount(upTo: rowCount, "the number of entries")
    let (offsets, range) = try texts(from: &reader, count: count)
    var table = StringTable()
    for index in 0..<count {
      let entry = (range.lowerBound + offsets[index])..<(range.lowerBound + offsets[index + 1])
      let code = unsafe reader.bytes.withUnsafeBufferPointer { bytes in
        // SAFETY: `entry` lies within `range`, which the reader has stepped over.
        unsafe table.intern(UnsafeBufferPointer(rebasing: bytes[entry]))
      }
      guard Int(code) == index + 1 else { throw reader.corruption("an entry occurs twice") }
    }
    let codes = try IntegerPacking.readCodes(from: &reader, count: rowCount, codeMax: count)
    return .symbol(codes: codes, table: table)
  }

  /// Offsets from 0, and the range of the reader's bytes that they cut.
  private static func texts(
    from reader: inout ByteReader, count: Int
  ) throws(TallyError) -> (offsets: [Int], bytes: Range<Int>) {
    let lengths = try IntegerPacking.read(from: &reader, count: count)
    let limit = Int64(reader.remainingCount)
    var offsets = [0]
    offsets.reserveCapacity(count + 1)
    var end = 0
    for length in lengths {
      // No sum of so few lengths below the limit leaves the range.
      guard length >= 0, length <= limit else {
        throw reader.corruption("a text has \(length) bytes, \(limit) are left")
      }
      end &+= Int(length)
      offsets.append(end)
    }
    return (offsets, try reader.readRange(byteCount: end))
  }
}
