import TallyBase

/// Reads one JSON object a line into an `EventBatchBuilder`.
///
/// A field given twice, by one name or by two that mean the same column, rejects the row: either
/// value could be the wrong one. NULL is no value, so `null` next to a value is fine.
@safe struct JsonRowReader: ~Copyable {
  // SAFETY: pointers into the chunk are only used while `decode` of the owner runs; `scratch` has
  // room for the longest line.

  let mapping: FieldMapping
  let builder: EventBatchBuilder
  var fields = FieldTable(terminator: UInt8(ascii: "\""))
  var time: TimeReader
  let numbers = SmallNumbers()
  let scratch: UnsafeMutablePointer<UInt8>
  /// Where the latest problem is.
  private(set) var place: UnsafePointer<UInt8>
  /// Position of the `time` column.
  private var timePosition = -1
  private let timeIsConstant: Bool

  init(mapping: FieldMapping, builder: EventBatchBuilder) {
    self.mapping = mapping
    self.builder = builder
    time = TimeReader(options: mapping.time)
    timeIsConstant = mapping.constants.contains { $0.column == "time" }
    unsafe scratch = .allocate(
      capacity: builder.limits.lineByteCountMax + TextChunk.paddingByteCount)
    unsafe place = UnsafePointer(scratch)
  }

  deinit {
    fields.deallocate()
    unsafe scratch.deallocate()
  }

  /// Forgets the columns' positions, which are about to change.
  mutating func forgetFields() {
    fields.removeAll()
    timePosition = -1
  }

  /// Reads the line at `start`; false if it is blank.
  mutating func readLine(_ start: UnsafePointer<UInt8>) throws(RowProblem) -> Bool {
    var cursor = unsafe skipJsonSpace(start)
    unsafe place = cursor
    guard unsafe cursor[0] == UInt8(ascii: "{") else {
      if unsafe cursor[0] == 0x0A { return false }
      throw unsafe notAnObject(cursor)
    }
    unsafe cursor = try readMembers(of: cursor, areTags: false)
    unsafe cursor = skipJsonSpace(cursor)
    guard unsafe cursor[0] == 0x0A else {
      unsafe place = cursor
      throw RowProblem.malformed("malformed JSON: text after the object")
    }
    unsafe place = start
    try checkTime()
    return true
  }

  /// - Parameter start: a line that ends with a line feed and does not begin with a brace.
  private func notAnObject(_ start: UnsafePointer<UInt8>) -> RowProblem {
    if unsafe start[0] == UInt8(ascii: "[") {
      return RowProblem.malformed("found a JSON array, one object a line was expected")
    }
    var count = 0
    while count < RowProblem.excerptByteCountMax, unsafe start[count] != 0x0A { count += 1 }
    let excerpt = unsafe RowProblem.excerpt(UnsafeBufferPointer(start: start, count: count))
    return RowProblem.malformed(
      "malformed JSON: found '\(excerpt)', an object was expected at the start of the line")
  }

  private mutating func checkTime() throws(RowProblem) {
    if timeIsConstant { return }
    if timePosition < 0 { timePosition = builder.position(of: "time") ?? -1 }
    guard timePosition >= 0, unsafe builder.columns[timePosition].lastRow == builder.row else {
      throw RowProblem.withoutTime
    }
  }

  /// Reads the object at `start` and returns the byte after it.
  private mutating func readMembers(
    of start: UnsafePointer<UInt8>, areTags: Bool
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    let row = builder.row
    var previous = -1
    var cursor = unsafe skipJsonSpace(start + 1)
    if unsafe cursor[0] == UInt8(ascii: "}") { return unsafe cursor + 1 }
    while true {
      guard unsafe cursor[0] == UInt8(ascii: "\"") else {
        unsafe place = cursor
        throw RowProblem.malformed("malformed JSON: a field name in quotes was expected")
      }
      if !areTags, let (field, length) = unsafe fields.predicted(after: previous, cursor + 1) {
        let name = unsafe UnsafeBufferPointer(start: cursor + 1, count: length)
        do throws(RowProblem) {
          unsafe cursor = try afterColon(cursor + length + 2)
          unsafe cursor = try readValue(fields.fields[field], cursor, row: row)
        } catch {
          // A member of `tags` has said its own place.
          if error.field.isEmpty { unsafe place = cursor }
          throw unsafe error.about(String(decoding: name, as: UTF8.self))
        }
        previous = field
      } else {
        unsafe cursor = try readUnpredicted(cursor, row: row, areTags: areTags, after: &previous)
      }
      unsafe cursor = skipJsonSpace(cursor)
      if unsafe cursor[0] == UInt8(ascii: "}") { return unsafe cursor + 1 }
      guard unsafe cursor[0] == UInt8(ascii: ",") else {
        unsafe place = cursor
        throw RowProblem.malformed("malformed JSON: ',' or '}' was expected after a value")
      }
      unsafe cursor = skipJsonSpace(cursor + 1)
    }
  }

  @inline(__always)
  private func afterColon(
    _ start: UnsafePointer<UInt8>
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    let colon = unsafe skipJsonSpace(start)
    guard unsafe colon[0] == UInt8(ascii: ":") else {
      throw RowProblem.malformed("malformed JSON: ':' was expected after a field name")
    }
    return unsafe skipJsonSpace(colon + 1)
  }

  /// Reads a field whose name was not the expected one.
  private mutating func readUnpredicted(
    _ quote: UnsafePointer<UInt8>, row: Int, areTags: Bool, after previous: inout Int
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    unsafe place = quote
    let raw = try unsafe scanJsonString(quote + 1)
    let name = try plain(raw)
    let bytes = unsafe UnsafeBufferPointer(start: name.start, count: name.count)
    // An escaped name lies in `scratch`, which the value may need.
    let unescaped = unsafe raw.hasEscapes ? String(decoding: bytes, as: UTF8.self) : nil
    do throws(RowProblem) {
      let value = try unsafe afterColon(raw.end)
      unsafe place = value
      if !areTags, !raw.hasEscapes, let field = unsafe fields.find(bytes) {
        fields.link(previous, to: field)
        previous = field
        return try unsafe readValue(fields.fields[field], value, row: row)
      }
      let text = unsafe String(decoding: bytes, as: UTF8.self)
      return try unsafe readUnknown(text, value, row: row, areTags: areTags)
    } catch {
      throw unsafe error.about(unescaped ?? String(decoding: bytes, as: UTF8.self))
    }
  }

  /// Reads a field that the table does not hold yet, and adds it if its column is clear.
  private mutating func readUnknown(
    _ name: String, _ value: UnsafePointer<UInt8>, row: Int, areTags: Bool
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    let builder = builder
    switch try mapping.resolve(name, isKnown: { builder.position(of: $0) != nil }) {
    case .column(let target):
      guard let position = builder.position(of: target.column) else {
        throw RowProblem("no column '\(target.column)'")
      }
      let scale = unsafe builder.columns[position].scale + target.unitExponent
      let field = InputField(
        action: .column, position: position, scale: scale, timeUnit: TimeUnit(suffixOf: name))
      if !areTags { remember(name, field) }
      return try unsafe areTags
        ? readTag(field, value, row: row) : readValue(field, value, row: row)
    case .new(let column):
      return try unsafe readNew(column, value, row: row, areTags: areTags)
    case .tags:
      let field = InputField(action: .tags, position: 0, scale: 0)
      if !areTags { remember(name, field) }
      return try unsafe readValue(field, value, row: row)
    case .ignored:
      let field = InputField(action: .ignored, position: 0, scale: 0)
      if !areTags { remember(name, field) }
      return try unsafe readValue(field, value, row: row)
    }
  }

  private mutating func remember(_ name: String, _ field: InputField) {
    var copy = name
    copy.withUTF8 { bytes in _ = unsafe fields.add(bytes, field) }
  }

  /// Adds a column of the type that the value has; `null` adds none.
  private mutating func readNew(
    _ column: String, _ value: UnsafePointer<UInt8>, row: Int, areTags: Bool
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    let type: LogicalType
    switch unsafe value[0] {
    case UInt8(ascii: "n"): return try unsafe skipJsonValue(value)
    case UInt8(ascii: "\""): type = .symbol
    case UInt8(ascii: "t"), UInt8(ascii: "f"): type = areTags ? .symbol : .bool
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      throw RowProblem("nested values are only taken under 'metadata' and 'tags'")
    default:
      let token = unsafe scanJsonScalar(value)
      guard let number = unsafe Number(token, isStrict: true) else {
        throw unsafe malformedScalar(token)
      }
      type = areTags ? .symbol : number.isIntegerLiteral ? .int64 : .double
    }
    let position = try builder.addNew(column, type)
    let field = InputField(action: .column, position: position, scale: 0)
    return try unsafe areTags
      ? readTag(field, value, row: row) : readValue(field, value, row: row)
  }

  /// Reads a member of `tags`: strings, numbers and booleans alike become symbols.
  private mutating func readTag(
    _ field: InputField, _ value: UnsafePointer<UInt8>, row: Int
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    let column = unsafe builder.columns + field.position
    let isScalar = unsafe value[0] != UInt8(ascii: "\"") && value[0] != UInt8(ascii: "n")
    guard isScalar, unsafe column.pointee.kind == .symbol else {
      return try unsafe readValue(field, value, row: row)
    }
    let end = try unsafe skipJsonValue(value)
    guard unsafe value[0] != UInt8(ascii: "{"), unsafe value[0] != UInt8(ascii: "[") else {
      throw RowProblem("a tag is nested; a string, number or boolean was expected")
    }
    try unsafe checkFree(column, row: row)
    unsafe column.pointee.setSymbol(value, count: end - value, row: row)
    return unsafe end
  }

  /// The members of a `tags` object.
  mutating func readTags(
    _ value: UnsafePointer<UInt8>
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    if unsafe value[0] == UInt8(ascii: "n") { return try unsafe skipJsonValue(value) }
    guard unsafe value[0] == UInt8(ascii: "{") else {
      throw RowProblem("'tags' is not an object", field: "tags")
    }
    return try unsafe readMembers(of: value, areTags: true)
  }

  /// The string with its escapes resolved, in `scratch` if it has any.
  mutating func plain(_ string: JsonString) throws(RowProblem) -> JsonString {
    guard string.hasEscapes else { return string }
    let count = try unsafe unescapeJson(string, into: scratch)
    return unsafe JsonString(
      start: UnsafePointer(scratch), count: count, end: string.end, hasEscapes: false)
  }

  /// - Throws: if the row has a value in this column already.
  @inline(__always)
  func checkFree(_ column: UnsafeMutablePointer<ColumnBuilder>, row: Int) throws(RowProblem) {
    if unsafe column.pointee.lastRow == row {
      throw unsafe RowProblem("column '\(column.pointee.name)' is given twice")
    }
  }
}
