package import TallyBase

/// A batch as the payload of a log record, and back; the layout is in docs/log-format.md.
package struct EventBatchCodec: Sendable {
  package var producer = ""
  package var sequence: UInt64 = 0
  package var ingestedAtMicroseconds: Int64 = 0
  package var batch = EventBatch()

  package init() {}

  /// Longest name of a column or a producer.
  static let nameByteCountMax = 255
  /// More rows than any batch has.
  static let rowCountMax = 1 << 20
  /// More values than any batch has: what a few bytes may claim to be costs at most that much.
  static let valueCountMax = 1 << 25

  /// - Throws: `resourceExhausted` for a batch of more than 1,048,576 rows or 33,554,432 values.
  /// - Complexity: O(values), mostly copies of memory.
  package func encode() throws(TallyError) -> [UInt8] {
    let rowCount = batch.rowCount
    guard rowCount <= EventBatchCodec.rowCountMax, batch.columns.count <= Schema.columnCountMax,
      rowCount * batch.columns.count <= EventBatchCodec.valueCountMax
    else {
      throw TallyError(
        .resourceExhausted,
        "a batch has \(rowCount) rows of \(batch.columns.count) columns, more than a record of "
          + "the log takes", hint: "send it in several batches")
    }
    var writer = ByteWriter(reserving: 512 + batch.byteCount)
    writer.append(name: producer)
    writer.appendVarint(sequence)
    writer.append(ingestedAtMicroseconds)
    writer.appendVarint(rowCount)
    writer.appendVarint(batch.columns.count)
    for column in batch.columns { EventBatchCodec.append(column, to: &writer) }
    return writer.bytes
  }

  private static func append(_ column: EventColumn, to writer: inout ByteWriter) {
    writer.append(name: column.name)
    let (kind, precision, scale) = ColumnSchema.code(of: column.type)
    writer.append(kind)
    writer.append(precision)
    writer.append(scale)
    writer.append(UInt8(column.validity.isEmpty ? 0 : 1))
    if !column.validity.isEmpty { BitPacking.append(column.validity, to: &writer) }
    switch column.values {
    case .int64(let values):
      IntegerPacking.append(values, validity: column.validity, to: &writer)
    case .bool(let values): BitPacking.append(values, to: &writer)
    case .double(let values): append(values, to: &writer)
    case .symbol(let codes, let table): append(codes, table, to: &writer)
    case .text(let offsets, let bytes):
      IntegerPacking.append(stepsOf: offsets, to: &writer)
      if let first = offsets.first, let last = offsets.last {
        writer.append(contentsOf: bytes[first..<last])
      }
    }
  }

  private static func append(_ values: [Double], to writer: inout ByteWriter) {
    let words = unsafe [UInt64](unsafeUninitializedCapacity: values.count) { target, count in
      for index in 0..<values.count {
        unsafe target[index] = values[index].bitPattern.littleEndian
      }
      count = values.count
    }
    unsafe words.withUnsafeBytes { raw in
      unsafe writer.append(contentsOf: raw.bindMemory(to: UInt8.self))
    }
  }

  private static func append(
    _ codes: [SymbolCode], _ table: StringTable, to writer: inout ByteWriter
  ) {
    guard table.count <= codes.count else {
      // A table that batches share has entries that this one does not use.
      var used = StringTable()
      let dense = codes.map { $0 == nullSymbolCode ? $0 : used.intern(table.string($0)) }
      return append(dense, used, to: &writer)
    }
    writer.appendVarint(table.count)
    IntegerPacking.append(stepsOf: table.offsets, to: &writer)
    writer.append(contentsOf: table.heap)
    IntegerPacking.append(codes, to: &writer)
  }
}

extension ByteWriter {
  fileprivate mutating func append(name: String) {
    appendVarint(name.utf8.count)
    bytes.append(contentsOf: name.utf8)
  }
}

/// Flags of one byte as flags of one bit, the first in the least significant.
enum BitPacking {
  static func append(_ flags: [UInt8], to writer: inout ByteWriter) {
    let byteCount = (flags.count + 7) / 8
    let packed = unsafe flags.withUnsafeBytes { raw in
      unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
        // SAFETY: whole groups of eight lie within `raw`; `target` has a byte for each and one
        // for the rest.
        for index in 0..<(raw.count / 8) {
          let eight = unsafe UInt64(
            littleEndian: raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
          // Each byte is 0 or 1: the product gathers their lowest bits in the top byte.
          unsafe target[index] = UInt8(
            truncatingIfNeeded: (eight &* 0x0102_0408_1020_4080) >> 56)
        }
        if raw.count % 8 != 0 {
          var last: UInt8 = 0
          for index in (raw.count / 8 * 8)..<raw.count where unsafe raw[index] != 0 {
            last |= 1 << UInt8(index & 7)
          }
          unsafe target[byteCount - 1] = last
        }
        count = byteCount
      }
    }
    writer.append(contentsOf: packed)
  }

  /// - Throws: `corruption` if the bytes end or a spare bit is set.
  static func read(
    from reader: inout ByteReader, count: Int
  ) throws(TallyError) -> [UInt8] {
    let range = try reader.readRange(byteCount: (count + 7) / 8)
    if count % 8 != 0, reader.bytes[range.upperBound - 1] >> UInt8(count % 8) != 0 {
      throw reader.corruption("a bitmap has bits behind its end")
    }
    return unsafe reader.bytes.withUnsafeBufferPointer { bytes in
      unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
        // SAFETY: the reader has stepped over a bit for each of `count` flags.
        for index in 0..<count {
          unsafe target[index] =
            (bytes[range.lowerBound &+ (index &>> 3)] &>> UInt8(truncatingIfNeeded: index & 7)) & 1
        }
        initialized = count
      }
    }
  }
}
