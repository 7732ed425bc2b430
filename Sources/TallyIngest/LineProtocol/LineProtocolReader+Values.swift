import TallyBase

extension LineProtocolReader {
  /// Reads the value at `start` into the field's column and returns the byte after it.
  @inline(__always)
  mutating func readValue(
    _ field: InputField, _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, isTag: Bool
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    unsafe place = start
    if isTag { return try unsafe readTagValue(field, start, end) }
    if field.action == .column, let after = try unsafe readSmallValue(field, start, end) {
      return unsafe after
    }
    return try unsafe readAnyValue(field, start, end)
  }

  /// The usual values of a field: short numbers and symbols. Nil for anything else.
  @inline(__always)
  private mutating func readSmallValue(
    _ field: InputField, _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) throws(RowProblem) -> UnsafePointer<UInt8>? {
    let column = unsafe builder.columns + field.position
    let row = builder.row
    guard unsafe column.pointee.lastRow != row else { return nil }
    switch unsafe column.pointee.kind {
    case .int64:
      guard let (value, next) = unsafe numbers.integer(start),
        unsafe value >= 0 || !column.pointee.isCount
      else { return nil }
      let suffix = unsafe next[0]
      let isSuffixed =
        unsafe suffix == UInt8(ascii: "i")
        || (suffix == UInt8(ascii: "u") && start[0] != UInt8(ascii: "-"))
      let after = unsafe isSuffixed ? next + 1 : next
      guard unsafe endsLineValue(after, end) else { return nil }
      unsafe column.pointee.set(value, row: row)
      return unsafe after
    case .decimal:
      guard let (value, next) = unsafe numbers.decimal(start, scale: field.scale),
        unsafe endsLineValue(next, end)
      else { return nil }
      unsafe column.pointee.set(value, row: row)
      return unsafe next
    case .symbol:
      guard unsafe start[0] == UInt8(ascii: "\""),
        let string = unsafe scanLineString(start + 1, end),
        !string.hasEscapes, string.count <= builder.limits.symbolByteCountMax,
        unsafe endsLineValue(string.end + 1, end)
      else { return nil }
      unsafe column.pointee.setSymbol(string.start, count: string.count, row: row)
      return unsafe string.end + 1
    case .bool:
      // "true" and "false" as their little-endian bytes.
      let word = unsafe loadWord(start)
      let isTrue = word & lowBytesMask(4) == 0x6575_7274
      guard isTrue || word & lowBytesMask(5) == 0x65_736C_6166 else { return nil }
      let after = unsafe start + (isTrue ? 4 : 5)
      guard unsafe endsLineValue(after, end) else { return nil }
      unsafe column.pointee.set(isTrue, row: row)
      return unsafe after
    case .timestamp, .double, .text: return nil
    }
  }

  /// Whether a value may end at `byte`.
  @inline(__always)
  private func endsLineValue(
    _ byte: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> Bool {
    unsafe byte == end || byte[0] == UInt8(ascii: ",") || byte[0] == 0x20
  }

  // MARK: Tags

  private mutating func readTagValue(
    _ field: InputField, _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    let raw = unsafe scanLineName(start, end)
    guard raw.count > 0 else {
      throw RowProblem.malformed("the tag has no value; leave the tag out instead")
    }
    guard unsafe raw.end == end || raw.end[0] != UInt8(ascii: "=") else {
      unsafe place = raw.end
      throw RowProblem.malformed("found '=' in the value of a tag, expected '\\='")
    }
    guard field.action == .column else { return unsafe raw.end }
    let column = unsafe builder.columns + field.position
    try unsafe checkFree(column)
    let value = plain(raw, .name)
    if unsafe column.pointee.kind == .symbol, value.count <= builder.limits.symbolByteCountMax {
      unsafe column.pointee.setSymbol(value.start, count: value.count, row: builder.row)
    } else {
      try unsafe setText(field, value.bytes)
    }
    return unsafe raw.end
  }

  // MARK: Fields

  /// Reads a value of any kind: what the fast paths leave over, and every error.
  @inline(never)
  private mutating func readAnyValue(
    _ field: InputField, _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    if unsafe start < end, unsafe start[0] == UInt8(ascii: "\"") {
      return try unsafe readString(field, start, end)
    }
    let token = unsafe scanLineWord(start, end, endsAtComma: true)
    guard token.count > 0 else {
      throw LineProtocolReader.noValue
    }
    let literal = try unsafe LineLiteral(token.bytes)
    guard field.action == .column else { return unsafe token.end }
    let column = unsafe builder.columns + field.position
    try unsafe checkFree(column)
    if case .bool(let flag) = literal.kind {
      guard unsafe column.pointee.kind == .bool else {
        throw unsafe RowProblem("\(quoted(token.bytes)) is not \(column.pointee.kind.valueNoun)")
      }
      unsafe column.pointee.set(flag, row: builder.row)
      return unsafe token.end
    }
    let isTextual = unsafe column.pointee.kind == .symbol || column.pointee.kind == .text
    if isTextual, unsafe !column.pointee.isStandard {
      throw unsafe RowProblem(
        "\(quoted(token.bytes)) is not a string, and column '\(column.pointee.name)' is one of text"
      )
    }
    try unsafe setText(field, literal.digits)
    return unsafe token.end
  }

  private mutating func readString(
    _ field: InputField, _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    guard let raw = unsafe scanLineString(start + 1, end) else {
      throw RowProblem.malformed("a string has no closing quote on its line")
    }
    let after = unsafe raw.end + 1
    guard unsafe endsLineValue(after, end) else {
      unsafe place = after
      throw RowProblem.malformed("text after a closing quote; a comma or a space was expected")
    }
    guard field.action == .column else { return unsafe after }
    try unsafe checkFree(builder.columns + field.position)
    try unsafe setText(field, plain(raw, .string).bytes)
    return unsafe after
  }

  /// Adds a column of the type that the value has.
  mutating func readNew(
    _ column: String, _ value: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, isTag: Bool
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    unsafe place = value
    let type: LogicalType
    if unsafe isTag || value[0] == UInt8(ascii: "\"") {
      type = .symbol
    } else {
      let token = unsafe scanLineWord(value, end, endsAtComma: true)
      guard token.count > 0 else { throw LineProtocolReader.noValue }
      switch try unsafe LineLiteral(token.bytes).kind {
      case .bool: type = .bool
      case .integer, .unsigned: type = .int64
      case .number: type = .double
      }
    }
    let position = try builder.addNew(column, type)
    let field = InputField(action: .column, position: position, scale: 0)
    return try unsafe readValue(field, value, end, isTag: isTag)
  }

  private static var noValue: RowProblem {
    RowProblem.malformed("the field has no value; leave the field out instead")
  }

  private mutating func setText(
    _ field: InputField, _ bytes: UnsafeBufferPointer<UInt8>
  ) throws(RowProblem) {
    let target = ValueTarget(
      position: field.position, scale: field.scale, timeUnit: field.timeUnit)
    try unsafe builder.setText(bytes, target, time: &time)
  }

  /// - Throws: if the row has a value in this column already.
  private func checkFree(
    _ column: UnsafeMutablePointer<ColumnBuilder>
  ) throws(RowProblem) {
    if unsafe column.pointee.lastRow == builder.row {
      throw unsafe RowProblem("column '\(column.pointee.name)' is given twice")
    }
  }
}
