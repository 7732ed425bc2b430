package import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Decodes newline-delimited JSON: one object a line, blank lines skipped.
package final class JsonLinesDecoder: ChunkDecoder {
  private var reader: JsonRowReader
  private let builder: EventBatchBuilder
  private let constants: ConstantColumns
  private var mustReset = false

  /// - Throws: `invalidArgument` if a constant of `mapping` does not fit its column.
  package init(
    mapping: FieldMapping, schema: Schema, limits: InputLimits = .standard
  ) throws(TallyError) {
    constants = try ConstantColumns(mapping: mapping, schema: schema)
    builder = EventBatchBuilder(schema: schema, limits: limits)
    reader = JsonRowReader(mapping: mapping, builder: builder)
  }

  package var ownOrg: ByteString? {
    get { builder.ownOrg }
    set { builder.ownOrg = newValue }
  }

  package func decode(_ chunk: TextChunk, schema: Schema) -> DecodedChunk {
    if mustReset || schema.columns.count != builder.schema.columns.count {
      builder.reset(schema: schema)
      reader.forgetFields()
    }
    var rejections: [Rejection] = []
    var line = 0
    var cursor = unsafe UnsafePointer(chunk.base)
    let end = unsafe cursor + chunk.count
    while unsafe cursor < end {
      line += 1
      // SAFETY: a sealed chunk ends with a line feed, so there is one between here and `end`.
      guard let found = unsafe memchr(cursor, 0x0A, end - cursor) else { break }
      let lineEnd = unsafe UnsafePointer(found.assumingMemoryBound(to: UInt8.self))
      do throws(RowProblem) {
        guard unsafe lineEnd - cursor <= builder.limits.lineByteCountMax else {
          throw unsafe RowProblem.tooLong(
            byteCount: lineEnd - cursor, limit: builder.limits.lineByteCountMax)
        }
        if try unsafe reader.readLine(cursor) { try builder.commitOwnRow() }
      } catch {
        if builder.rollBackRow() { reader.forgetFields() }
        let bytes = unsafe UnsafeBufferPointer(start: cursor, count: lineEnd - cursor)
        rejections.append(
          unsafe Rejection(
            line: line, problem: error, record: bytes,
            place: error.kind == .otherOrg ? nil : reader.place))
      }
      unsafe cursor = lineEnd + 1
    }
    mustReset = !builder.newColumns.isEmpty
    return builder.finish(
      constants: constants, schema: schema, rejections: rejections, lineCount: line)
  }
}

extension RowProblem {
  static func tooLong(byteCount: Int, limit: Int) -> RowProblem {
    RowProblem("the line has \(byteCount) bytes, the limit is \(limit)", kind: .limit)
  }
}

extension Rejection {
  /// - Parameters:
  ///   - record: the record without its line feed.
  ///   - place: where in the record the problem is, if that is known.
  init(
    line: Int, problem: RowProblem, record: UnsafeBufferPointer<UInt8>,
    place: UnsafePointer<UInt8>? = nil
  ) {
    var kept = unsafe record.prefix(Rejection.originalByteCountMax)
    if unsafe kept.last == 0x0D { unsafe kept = kept.dropLast() }
    self.init(
      line: line, column: unsafe Rejection.column(of: place, in: record), field: problem.field,
      reason: problem.reason,
      kind: problem.kind, original: unsafe Array(kept))
  }

  /// Nil if `place` is not in the record or not on its first line.
  private static func column(
    of place: UnsafePointer<UInt8>?, in record: UnsafeBufferPointer<UInt8>
  ) -> Int? {
    guard let place = unsafe place, let base = record.baseAddress else { return nil }
    // Compared as addresses: the place may be in another buffer.
    let start = UInt(bitPattern: base)
    let address = UInt(bitPattern: place)
    guard address >= start, address - start <= UInt(record.count) else { return nil }
    var column = 1
    for index in 0..<Int(address - start) {
      let byte = unsafe record[index]
      if byte == 0x0A { return nil }
      // Bytes that continue a character are not counted.
      if byte & 0xC0 != 0x80 { column += 1 }
    }
    return column
  }
}
