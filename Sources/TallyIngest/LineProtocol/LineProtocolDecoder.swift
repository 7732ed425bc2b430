package import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Decodes InfluxDB line protocol: one event a line, blank lines and comments skipped.
///
///     usage,org=acme,model=gpt-5 input_tokens=812i,cost=0.0123 1789000000000000000
///
/// The dialect is that of docs/wire-protocol.md, section 7. Numeric times are in the unit of the
/// mapping's time options, or told by magnitude.
package final class LineProtocolDecoder: ChunkDecoder {
  private var reader: LineProtocolReader
  private let builder: EventBatchBuilder
  private let constants: ConstantColumns
  private var mustReset = false

  /// The time of lines that have none, in microseconds; nil rejects them.
  package var defaultTimeMicroseconds: Int64? {
    get { reader.defaultTimeMicroseconds }
    set { reader.defaultTimeMicroseconds = newValue }
  }

  /// - Parameter measurement: the only one whose lines are taken.
  /// - Throws: `invalidArgument` if a constant of `mapping` does not fit its column.
  package init(
    mapping: FieldMapping, measurement: String = "usage", schema: Schema,
    limits: InputLimits = .standard
  ) throws(TallyError) {
    constants = try ConstantColumns(mapping: mapping, schema: schema)
    builder = EventBatchBuilder(schema: schema, limits: limits)
    reader = LineProtocolReader(mapping: mapping, measurement: measurement, builder: builder)
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
    let needsUTF8Check = unsafe !isValidUTF8(chunk.text.bindMemory(to: UInt8.self))
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
        if try unsafe readLine(cursor, lineEnd, needsUTF8Check) {
          unsafe reader.place = cursor
          try builder.commitOwnRow()
        }
      } catch {
        if builder.rollBackRow() { reader.forgetFields() }
        let bytes = unsafe UnsafeBufferPointer(start: cursor, count: lineEnd - cursor)
        rejections.append(
          unsafe Rejection(line: line, problem: error, record: bytes, place: reader.place))
      }
      unsafe cursor = lineEnd + 1
    }
    mustReset = !builder.newColumns.isEmpty
    return builder.finish(
      constants: constants, schema: schema, rejections: rejections, lineCount: line)
  }

  private func readLine(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ needsUTF8Check: Bool
  ) throws(RowProblem) -> Bool {
    unsafe reader.place = start
    let byteCount = unsafe end - start
    guard byteCount <= builder.limits.lineByteCountMax else {
      throw RowProblem.tooLong(byteCount: byteCount, limit: builder.limits.lineByteCountMax)
    }
    if needsUTF8Check, unsafe !isValidUTF8(UnsafeBufferPointer(start: start, count: byteCount)) {
      throw RowProblem.notUTF8
    }
    return try unsafe reader.readLine(start, end: end)
  }
}
