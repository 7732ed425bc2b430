import TallyBase

extension JsonRowReader {
  /// Reads the value at `start` into the field's column and returns the byte after it.
  @inline(__always)
  mutating func readValue(
    _ field: InputField, _ start: UnsafePointer<UInt8>, row: Int
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    guard field.action == .column else {
      return try unsafe field.action == .tags ? readTags(start) : skipJsonValue(start)
    }
    let column = unsafe builder.columns + field.position
    let isFree = unsafe column.pointee.lastRow != row
    let byte = unsafe start[0]
    switch unsafe column.pointee.kind {
    case .int64:
      if isFree, let (value, end) = unsafe numbers.integer(start), unsafe endsJsonScalar(end[0]),
        unsafe value >= 0 || !column.pointee.isCount
      {
        unsafe column.pointee.set(value, row: row)
        return unsafe end
      }
    case .decimal:
      if isFree, let (value, end) = unsafe numbers.decimal(start, scale: field.scale),
        unsafe endsJsonScalar(end[0])
      {
        unsafe column.pointee.set(value, row: row)
        return unsafe end
      }
    case .symbol:
      if isFree, byte == UInt8(ascii: "\"") {
        let string = try unsafe scanJsonString(start + 1)
        if !string.hasEscapes, string.count <= builder.limits.symbolByteCountMax {
          unsafe column.pointee.setSymbol(string.start, count: string.count, row: row)
          return unsafe string.end
        }
      }
    case .timestamp:
      if isFree, byte == UInt8(ascii: "\"") {
        let string = try unsafe scanJsonString(start + 1)
        if !string.hasEscapes {
          let value = try unsafe time.time(
            string.start, count: string.count, fieldUnit: field.timeUnit)
          unsafe column.pointee.set(value, row: row)
          return unsafe string.end
        }
      }
    case .double, .bool, .text: break
    }
    return try unsafe readAnyValue(field, start, row: row)
  }

  /// Reads a value of any kind: what the fast paths leave over, and every error.
  @inline(never)
  private mutating func readAnyValue(
    _ field: InputField, _ start: UnsafePointer<UInt8>, row: Int
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    let column = unsafe builder.columns + field.position
    let byte = unsafe start[0]
    if byte == UInt8(ascii: "n"), unsafe jsonWord(scanJsonScalar(start), is: "null") {
      return unsafe start + 4
    }
    try unsafe checkFree(column, row: row)
    if byte == UInt8(ascii: "\"") {
      let raw = try unsafe scanJsonString(start + 1)
      let string = try plain(raw)
      let bytes = unsafe UnsafeBufferPointer(start: string.start, count: string.count)
      try unsafe setText(field, bytes, isQuoted: true, row: row)
      return unsafe raw.end
    }
    if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
      let end = try unsafe skipJsonValue(start)
      guard unsafe column.pointee.name == "metadata" else {
        throw RowProblem("found a nested value; they are only taken under 'metadata' and 'tags'")
      }
      let bytes = unsafe UnsafeBufferPointer(start: start, count: end - start)
      try unsafe setText(field, bytes, isQuoted: true, row: row)
      return unsafe end
    }
    let token = unsafe scanJsonScalar(start)
    let isBool = unsafe jsonWord(token, is: "true") || jsonWord(token, is: "false")
    guard unsafe isBool || Number(token, isStrict: true) != nil else {
      throw unsafe malformedScalar(token)
    }
    let isTextual = unsafe column.pointee.kind == .symbol || column.pointee.kind == .text
    if isTextual, unsafe isBool || !column.pointee.isStandard {
      throw unsafe RowProblem(
        "\(quoted(token)) is not a string, and column '\(column.pointee.name)' is one of text")
    }
    if isBool, unsafe column.pointee.kind != .bool {
      throw unsafe RowProblem("\(quoted(token)) is not \(column.pointee.kind.valueNoun)")
    }
    try unsafe setText(field, token, isQuoted: false, row: row)
    return unsafe start + token.count
  }

  private mutating func setText(
    _ field: InputField, _ bytes: UnsafeBufferPointer<UInt8>, isQuoted: Bool, row: Int
  ) throws(RowProblem) {
    let target = ValueTarget(
      position: field.position, scale: field.scale, timeUnit: field.timeUnit)
    try unsafe builder.setText(bytes, target, time: &time)
  }
}
