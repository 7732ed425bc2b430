package import TallyBase

/// Decodes csv records (RFC 4180) under a header: quoted fields with doubled quotes and line
/// breaks, CRLF or LF, an unquoted empty field is NULL and a quoted one is the empty string.
///
/// A field's type is its column's; a column that the schema lacks gets the type that its first
/// value looks like.
@safe package final class CsvDecoder: ChunkDecoder {
  // SAFETY: pointers into the chunk are used during `decode` only; `scratch` has room for the
  // longest record and the padding.

  /// What a field of the header feeds.
  private enum Target {
    case column(ValueTarget)
    /// A column that nothing has given a value yet.
    case new(String)
    case ignored
  }

  private let mapping: FieldMapping
  private let header: CsvHeader
  private let builder: EventBatchBuilder
  private let constants: ConstantColumns
  private let timeIsConstant: Bool
  private let numbers = SmallNumbers()
  private let scratch: UnsafeMutablePointer<UInt8>
  private var time: TimeReader
  private var targets: [Target] = []
  private var timePosition: Int?
  private var mustReset = false
  private var needsUTF8Check = false
  /// Where the latest problem is.
  private var place: UnsafePointer<UInt8>?

  /// - Throws: `invalidArgument` if a constant of `mapping` does not fit its column.
  init(
    mapping: FieldMapping, header: CsvHeader, schema: Schema, limits: InputLimits = .standard
  ) throws(TallyError) {
    self.mapping = mapping
    self.header = header
    constants = try ConstantColumns(mapping: mapping, schema: schema)
    builder = EventBatchBuilder(schema: schema, limits: limits)
    time = TimeReader(options: mapping.time)
    timeIsConstant = mapping.constants.contains { $0.column == "time" }
    unsafe scratch = .allocate(
      capacity: limits.lineByteCountMax + TextChunk.paddingByteCount)
  }

  deinit { unsafe scratch.deallocate() }

  package var ownOrg: ByteString? {
    get { builder.ownOrg }
    set { builder.ownOrg = newValue }
  }

  package func decode(_ chunk: TextChunk, schema: Schema) -> DecodedChunk {
    if mustReset || schema.columns.count != builder.schema.columns.count {
      builder.reset(schema: schema)
      targets = []
    }
    needsUTF8Check = unsafe !isValidUTF8(chunk.text.bindMemory(to: UInt8.self))
    let scanner = unsafe CsvRecordScanner(
      base: UnsafePointer(chunk.base), count: chunk.count, dialect: header.dialect, isFinal: true,
      lineByteCountMax: builder.limits.lineByteCountMax)
    var rejections: [Rejection] = []
    var line = 1
    var start = 0
    while start < chunk.count, let record = scanner.record(from: start) {
      let bytes = unsafe UnsafeBufferPointer(
        start: chunk.base + start, count: record.end - start - 1)
      do throws(RowProblem) {
        if try unsafe readRecord(bytes, isUnterminated: record.isUnterminated) {
          try builder.commitOwnRow()
        }
      } catch {
        if builder.rollBackRow() { targets = [] }
        rejections.append(
          unsafe Rejection(
            line: line, problem: error, record: bytes,
            place: error.kind == .otherOrg ? nil : place))
      }
      line += 1
      if record.hasQuotes {
        line += unsafe bytes.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
      }
      start = record.end
    }
    mustReset = !builder.newColumns.isEmpty
    return builder.finish(
      constants: constants, schema: schema, rejections: rejections, lineCount: line - 1)
  }

  /// Reads one record without its line feed; false if it is blank.
  private func readRecord(
    _ bytes: UnsafeBufferPointer<UInt8>, isUnterminated: Bool
  ) throws(RowProblem) -> Bool {
    guard let base = bytes.baseAddress else { return false }
    let count = unsafe bytes.last == 0x0D ? bytes.count - 1 : bytes.count
    if count == 0 { return false }
    unsafe place = UnsafePointer(base)
    if isUnterminated { throw RowProblem.malformed("a quoted field is not closed") }
    guard bytes.count <= builder.limits.lineByteCountMax else {
      throw RowProblem.tooLong(
        byteCount: bytes.count, limit: builder.limits.lineByteCountMax)
    }
    if needsUTF8Check, unsafe !isValidUTF8(bytes) { throw RowProblem.notUTF8 }
    if targets.isEmpty { try resolveHeader() }
    let end = unsafe base + count
    var cursor = unsafe UnsafePointer(base)
    var index = 0
    while true {
      let isQuoted = unsafe cursor < end && cursor[0] == 0x22
      let (value, next) = try unsafe isQuoted ? quotedField(cursor, end) : plainField(cursor, end)
      if index < targets.count, isQuoted || value.count > 0 {
        do throws(RowProblem) {
          try unsafe set(value, index: index)
        } catch {
          unsafe place = cursor
          throw error.about(header.fields[index])
        }
      }
      index += 1
      guard unsafe next < end else { break }
      // `next` is at a delimiter; a field follows it even if the record ends there.
      unsafe cursor = next + 1
    }
    guard index == targets.count else {
      throw RowProblem.malformed("the record has \(index) fields, the header has \(targets.count)")
    }
    if timePosition == nil { timePosition = builder.position(of: "time") }
    guard timeIsConstant || hasTime else { throw RowProblem.withoutTime }
    return true
  }

  private var hasTime: Bool {
    guard let timePosition else { return false }
    return unsafe builder.columns[timePosition].lastRow == builder.row
  }

  /// Finds the columns of the header's fields.
  private func resolveHeader() throws(RowProblem) {
    timePosition = nil
    var resolved: [Target] = []
    for field in header.fields {
      // Data frames are often written with a nameless index first.
      if field.isEmpty {
        resolved.append(.ignored)
        continue
      }
      switch try mapping.resolve(field, isKnown: { builder.position(of: $0) != nil }) {
      case .column(let target):
        guard let position = builder.position(of: target.column) else {
          throw RowProblem("no column '\(target.column)'", field: field)
        }
        let scale = unsafe builder.columns[position].scale + target.unitExponent
        resolved.append(
          .column(
            ValueTarget(position: position, scale: scale, timeUnit: TimeUnit(suffixOf: field))))
      case .new(let column): resolved.append(.new(column))
      case .ignored: resolved.append(.ignored)
      case .tags: resolved.append(.new(field))
      }
    }
    targets = resolved
  }

  private func set(
    _ value: UnsafeBufferPointer<UInt8>, index: Int
  ) throws(RowProblem) {
    guard let start = value.baseAddress else { return }
    let target: ValueTarget
    switch targets[index] {
    case .ignored: return
    case .column(let known): target = known
    case .new(let name):
      let known = builder.position(of: name)
      let position =
        if let known { known } else { try unsafe builder.addNew(name, CsvDecoder.type(of: value)) }
      target = ValueTarget(position: position, scale: 0, timeUnit: nil)
      targets[index] = .column(target)
    }
    let column = unsafe builder.columns + target.position
    let row = builder.row
    guard unsafe column.pointee.lastRow != row else {
      throw unsafe RowProblem("column '\(column.pointee.name)' is given twice")
    }
    switch unsafe column.pointee.kind {
    case .int64:
      if let (number, end) = unsafe numbers.integer(start), unsafe end == start + value.count,
        unsafe number >= 0 || !column.pointee.isCount
      {
        return unsafe column.pointee.set(number, row: row)
      }
    case .decimal:
      if let (number, end) = unsafe numbers.decimal(start, scale: target.scale),
        unsafe end == start + value.count
      {
        return unsafe column.pointee.set(number, row: row)
      }
    default: break
    }
    try unsafe builder.setText(value, target, time: &time)
  }

  /// The type that a new column gets from its first value.
  private static func type(of value: UnsafeBufferPointer<UInt8>) -> LogicalType {
    if let number = unsafe Number(value, isStrict: true) {
      if !number.isIntegerLiteral { return .double }
      return number.scaled(by: 0, rounding: .exact) == nil ? .symbol : .int64
    }
    guard value.count <= 5 else { return .symbol }
    let word = unsafe String(decoding: value, as: UTF8.self).lowercased()
    return word == "true" || word == "false" ? .bool : .symbol
  }

  /// The field at `start`, which has no quote there, and the delimiter or end after it.
  private func plainField(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) throws(RowProblem) -> (UnsafeBufferPointer<UInt8>, next: UnsafePointer<UInt8>) {
    let delimiters = UInt64(header.dialect.delimiter) &* lowBits
    var cursor = unsafe start
    // SAFETY: the chunk's padding keeps loads past `end` readable.
    while unsafe cursor < end {
      let hits = unsafe zeroBytes(loadWord(cursor) ^ delimiters)
      if hits != 0 {
        unsafe cursor += trailingByteCount(hits)
        break
      }
      unsafe cursor += 8
    }
    unsafe cursor = min(cursor, end)
    return unsafe (UnsafeBufferPointer(start: start, count: cursor - start), cursor)
  }

  /// The field whose opening quote is at `start`, its doubled quotes made single.
  private func quotedField(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) throws(RowProblem) -> (UnsafeBufferPointer<UInt8>, next: UnsafePointer<UInt8>) {
    var cursor = unsafe start + 1
    var count = 0
    var hasDoubled = false
    while unsafe cursor < end {
      if unsafe cursor[0] == 0x22 {
        guard unsafe cursor + 1 < end, unsafe cursor[1] == 0x22 else { break }
        hasDoubled = true
        unsafe cursor += 1
      }
      unsafe scratch[count] = cursor[0]
      count += 1
      unsafe cursor += 1
    }
    guard unsafe cursor < end else { throw RowProblem.malformed("a quoted field is not closed") }
    let next = unsafe cursor + 1
    guard unsafe next == end || next[0] == header.dialect.delimiter else {
      throw RowProblem.malformed("text after a closing quote; a delimiter was expected")
    }
    let text = unsafe hasDoubled ? UnsafePointer(scratch) : start + 1
    return unsafe (UnsafeBufferPointer(start: text, count: count), next)
  }
}
