package import TallyBase

/// A batch as the payload of a log record, and back; the layout is in docs/log-format.md.
package struct EventBatchCodec: Sendable {
  package var producer = ""
  package var sequence: UInt64 = 0
  package var ingestedAtMicroseconds: Int64 = 0
  package var batch = EventBatch()

  package init() {}

  // MARK: Encoding

  /// - Complexity: O(values), mostly copies of memory.
  package func encode() -> [UInt8] {
    var writer = ByteWriter(reserving: 256 + batch.byteCount)
    EventBatchCodec.append(text: producer, to: &writer)
    writer.appendVarint(sequence)
    writer.append(ingestedAtMicroseconds)
    writer.appendVarint(batch.rowCount)
    writer.appendVarint(batch.columns.count)
    for column in batch.columns { EventBatchCodec.append(column, batch.rowCount, to: &writer) }
    return writer.bytes
  }

  private static func append(text: String, to writer: inout ByteWriter) {
    let bytes = Array(text.utf8)
    writer.appendVarint(bytes.count)
    writer.append(contentsOf: bytes)
  }

  private static func append(
    _ column: EventColumn, _ rowCount: Int, to writer: inout ByteWriter
  ) {
    append(text: column.name, to: &writer)
    let (kind, precision, scale) = ColumnSchema.code(of: column.type)
    writer.append(kind)
    writer.append(precision)
    writer.append(scale)
    writer.append(UInt8(column.validity.isEmpty ? 0 : 1))
    if !column.validity.isEmpty { append(bits: column.validity, to: &writer) }
    switch column.values {
    case .int64(let values): IntegerPacking.append(values, to: &writer)
    case .bool(let values): append(bits: values, to: &writer)
    case .double(let values):
      for value in values { writer.append(value.bitPattern) }
    case .symbol(let codes, let table):
      writer.appendVarint(table.count)
      let lengths = (0..<table.count).map { Int64(table.offsets[$0 + 1] - table.offsets[$0]) }
      IntegerPacking.append(lengths, to: &writer)
      writer.append(contentsOf: table.heap)
      IntegerPacking.append(codes.map { Int64($0) }, to: &writer)
    case .text(let offsets, let bytes):
      let lengths = (0..<rowCount).map { Int64(offsets[$0 + 1] - offsets[$0]) }
      IntegerPacking.append(lengths, to: &writer)
      if let first = offsets.first, let last = offsets.last {
        writer.append(contentsOf: bytes[first..<last])
      }
    }
  }

  /// One bit a byte of `flags`, least significant first.
  private static func append(bits flags: [UInt8], to writer: inout ByteWriter) {
    var bytes = [UInt8](repeating: 0, count: (flags.count + 7) / 8)
    for (index, flag) in flags.enumerated() where flag != 0 {
      bytes[index >> 3] |= 1 << UInt8(index & 7)
    }
    writer.append(contentsOf: bytes)
  }

  // MARK: Decoding

  private static let nameByteCountMax = 255
  /// More rows than any batch has.
  private static let rowCountMax = 1 << 24

  /// - Throws: `corruption`; `version` for a column of an unknown type.
  package init(decoding payload: [UInt8], lsn: UInt64) throws(TallyError) {
    var reader = ByteReader(payload, subject: "record \(lsn) of the log")
    producer = try EventBatchCodec.text(from: &reader)
    sequence = try reader.readVarint()
    ingestedAtMicroseconds = try reader.readInt64()
    let rowCount = try reader.readCount(
      upTo: EventBatchCodec.rowCountMax, "the number of rows")
    let columnCount = try reader.readCount(
      upTo: Schema.columnCountMax, "the number of columns")
    batch = EventBatch(rowCount: rowCount)
    for _ in 0..<columnCount {
      batch.columns.append(try EventBatchCodec.column(from: &reader, rowCount: rowCount))
    }
    try reader.expectEnd()
  }

  private static func text(from reader: inout ByteReader) throws(TallyError) -> String {
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
    let name = try text(from: &reader)
    let kind = try reader.readUInt8()
    let precision = try reader.readUInt8()
    let scale = try reader.readUInt8()
    guard let type = ColumnSchema.type(kind, precision: precision, scale: scale) else {
      throw TallyError(
        .version, "column '\(name)' in the log is of type \(kind), which this build does not know",
        hint: "the store was written by a newer Tally: use that one to read it")
    }
    let form = try reader.readUInt8()
    guard form <= 1 else { throw reader.corruption("validity has form \(form)") }
    let validity = form == 1 ? try bits(from: &reader, count: rowCount) : []
    let values = try values(of: type, from: &reader, rowCount: rowCount)
    return EventColumn(name: name, type: type, values: values, validity: validity)
  }

  private static func values(
    of type: LogicalType, from reader: inout ByteReader, rowCount: Int
  ) throws(TallyError) -> EventColumn.Values {
    switch type {
    case .bool: return .bool(try bits(from: &reader, count: rowCount))
    case .double:
      var values: [Double] = []
      guard rowCount <= reader.remainingCount / 8 else {
        throw reader.corruption("\(rowCount) numbers do not fit")
      }
      values.reserveCapacity(rowCount)
      for _ in 0..<rowCount { values.append(Double(bitPattern: try reader.readUInt64())) }
      return .double(values)
    case .symbol: return try symbols(from: &reader, rowCount: rowCount)
    case .text:
      let (offsets, range) = try texts(from: &reader, count: rowCount)
      return .text(offsets: offsets, bytes: Array(reader.bytes[range]))
    default: return .int64(try IntegerPacking.read(from: &reader, count: rowCount))
    }
  }

  private static func symbols(
    from reader: inout ByteReader, rowCount: Int
  ) throws(TallyError) -> EventColumn.Values {
    let count = try reader.readCount(
      upTo: Schema.dictionaryEntryCountMax, "the number of entries")
    let (offsets, range) = try texts(from: &reader, count: count)
    var table = StringTable()
    for index in 0..<count {
      let entry = (range.lowerBound + offsets[index])..<(range.lowerBound + offsets[index + 1])
      let code = unsafe reader.bytes[entry].withUnsafeBufferPointer { unsafe table.intern($0) }
      guard Int(code) == index + 1 else { throw reader.corruption("an entry occurs twice") }
    }
    let codes = try IntegerPacking.read(from: &reader, count: rowCount)
    guard codes.allSatisfy({ $0 >= 0 && $0 <= Int64(count) }) else {
      throw reader.corruption("a code lies outside of its table")
    }
    return .symbol(codes: codes.map { SymbolCode(truncatingIfNeeded: $0) }, table: table)
  }

  /// Offsets from 0 and the range of the reader's bytes that they cut.
  private static func texts(
    from reader: inout ByteReader, count: Int
  ) throws(TallyError) -> (offsets: [Int], bytes: Range<Int>) {
    let lengths = try IntegerPacking.read(from: &reader, count: count)
    var offsets = [0]
    offsets.reserveCapacity(count + 1)
    var end = 0
    for length in lengths {
      guard length >= 0, length <= Int64(reader.remainingCount) else {
        throw reader.corruption("a text has \(length) bytes")
      }
      end += Int(length)
      offsets.append(end)
    }
    return (offsets, try reader.readRange(byteCount: end))
  }

  private static func bits(
    from reader: inout ByteReader, count: Int
  ) throws(TallyError) -> [UInt8] {
    let bytes = try reader.readBytes(byteCount: (count + 7) / 8)
    return (0..<count).map { (bytes[$0 >> 3] >> UInt8($0 & 7)) & 1 }
  }
}

/// Integers as distances from their minimum in as few whole bytes as hold all.
enum IntegerPacking {
  static func append(_ values: [Int64], to writer: inout ByteWriter) {
    let minimum = values.min() ?? 0
    let span = UInt64(bitPattern: (values.max() ?? 0) &- minimum)
    let width = span == 0 ? 0 : span <= 0xFF ? 1 : span <= 0xFFFF ? 2 : span <= 0xFFFF_FFFF ? 4 : 8
    writer.append(UInt8(width))
    writer.append(minimum)
    switch width {
    case 0: break
    case 1: pack(values, minimum, as: UInt8.self, into: &writer)
    case 2: pack(values, minimum, as: UInt16.self, into: &writer)
    case 4: pack(values, minimum, as: UInt32.self, into: &writer)
    default: pack(values, minimum, as: UInt64.self, into: &writer)
    }
  }

  @inline(__always)
  private static func pack<Word: FixedWidthInteger & BitwiseCopyable>(
    _ values: [Int64], _ minimum: Int64, as type: Word.Type, into writer: inout ByteWriter
  ) {
    let words = unsafe [Word](unsafeUninitializedCapacity: values.count) { target, count in
      for index in 0..<values.count {
        unsafe target[index] =
          Word(truncatingIfNeeded: UInt64(bitPattern: values[index] &- minimum)).littleEndian
      }
      count = values.count
    }
    unsafe words.withUnsafeBytes { raw in
      unsafe writer.append(contentsOf: raw.bindMemory(to: UInt8.self))
    }
  }

  /// - Throws: `corruption`.
  static func read(
    from reader: inout ByteReader, count: Int
  ) throws(TallyError) -> [Int64] {
    let width = Int(try reader.readUInt8())
    let minimum = try reader.readInt64()
    guard [0, 1, 2, 4, 8].contains(width) else {
      throw reader.corruption("integers are \(width) bytes wide")
    }
    guard width > 0 else { return [Int64](repeating: minimum, count: count) }
    guard count <= reader.remainingCount / width else {
      throw reader.corruption("\(count) integers of \(width) bytes do not fit")
    }
    let range = try reader.readRange(byteCount: count * width)
    switch width {
    case 1: return unpack(reader.bytes, range.lowerBound, count, minimum, as: UInt8.self)
    case 2: return unpack(reader.bytes, range.lowerBound, count, minimum, as: UInt16.self)
    case 4: return unpack(reader.bytes, range.lowerBound, count, minimum, as: UInt32.self)
    default: return unpack(reader.bytes, range.lowerBound, count, minimum, as: UInt64.self)
    }
  }

  @inline(__always)
  private static func unpack<Word: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: [UInt8], _ start: Int, _ count: Int, _ minimum: Int64, as type: Word.Type
  ) -> [Int64] {
    unsafe bytes.withUnsafeBytes { raw in
      unsafe [Int64](unsafeUninitializedCapacity: count) { target, initialized in
        // SAFETY: the caller has checked that `count` words lie behind `start`.
        for index in 0..<count {
          let word = unsafe raw.loadUnaligned(
            fromByteOffset: start + index * MemoryLayout<Word>.size, as: Word.self)
          unsafe target[index] =
            minimum &+ Int64(truncatingIfNeeded: UInt64(Word(littleEndian: word)))
        }
        initialized = count
      }
    }
  }
}
