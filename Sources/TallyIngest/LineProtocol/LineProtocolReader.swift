import TallyBase

/// Reads one line of InfluxDB line protocol into an `EventBatchBuilder`.
///
/// Tags and fields are columns alike; only how their values are written differs. A column given
/// twice rejects the line.
@safe struct LineProtocolReader: ~Copyable {
  // SAFETY: pointers into the chunk are only used while `decode` of the owner runs; `scratch` has
  // room for the longest line and the padding.

  let mapping: FieldMapping
  let builder: EventBatchBuilder
  /// By their keys as written, escapes included.
  var fields = FieldTable(terminator: UInt8(ascii: "="))
  var time: TimeReader
  let numbers = SmallNumbers()
  let scratch: UnsafeMutablePointer<UInt8>
  /// The time of lines that have none; nil rejects them.
  var defaultTimeMicroseconds: Int64?
  /// What is being read: the place of a problem.
  var place: UnsafePointer<UInt8>
  private let measurement: [UInt8]
  /// Position of the `time` column.
  private var timePosition = -1
  private let timeIsConstant: Bool

  init(mapping: FieldMapping, measurement: String, builder: EventBatchBuilder) {
    self.mapping = mapping
    self.builder = builder
    self.measurement = Array(measurement.utf8)
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

  /// Reads the line at `start`, whose line feed is at `lineEnd`; false if it is blank or a comment.
  mutating func readLine(
    _ start: UnsafePointer<UInt8>, end lineEnd: UnsafePointer<UInt8>
  ) throws(RowProblem) -> Bool {
    let hasReturn = unsafe lineEnd > start && lineEnd[-1] == 0x0D
    let end = unsafe hasReturn ? lineEnd - 1 : lineEnd
    var cursor = unsafe skipLineSpaces(start, end)
    unsafe place = cursor
    if unsafe cursor == end || cursor[0] == UInt8(ascii: "#") { return false }
    unsafe cursor = try readMeasurement(cursor, end)
    var previous = -1
    while unsafe cursor < end, unsafe cursor[0] == UInt8(ascii: ",") {
      unsafe cursor = try readElement(cursor + 1, end, isTag: true, after: &previous)
    }
    unsafe cursor = skipLineSpaces(cursor, end)
    unsafe place = cursor
    guard unsafe cursor < end else {
      throw RowProblem.malformed("the line has no field; 'key=value' was expected after the tags")
    }
    unsafe cursor = try readElement(cursor, end, isTag: false, after: &previous)
    while unsafe cursor < end, unsafe cursor[0] == UInt8(ascii: ",") {
      unsafe cursor = try readElement(cursor + 1, end, isTag: false, after: &previous)
    }
    unsafe cursor = skipLineSpaces(cursor, end)
    if unsafe cursor < end { try unsafe readTimestamp(cursor, end) }
    try checkTime()
    return true
  }

  /// Checks that the line is of the wanted measurement and returns the byte after it.
  private mutating func readMeasurement(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    let token = unsafe scanLineMeasurement(start, end)
    guard token.count > 0 else { throw RowProblem.malformed("a measurement was expected") }
    let name = plain(token, .measurement)
    guard unsafe name.bytes.elementsEqual(measurement) else {
      throw unsafe RowProblem.malformed(
        "found measurement \(quoted(name.bytes)), expected "
          + "'\(String(decoding: measurement, as: UTF8.self))'")
    }
    return unsafe token.end
  }

  /// Reads a tag or field and returns the byte after it, which is a comma, a space or the end.
  private mutating func readElement(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, isTag: Bool,
    after previous: inout Int
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    unsafe place = start
    guard let (field, length) = unsafe fields.predicted(after: previous, start) else {
      return try unsafe readUnpredicted(start, end, isTag: isTag, after: &previous)
    }
    previous = field
    do throws(RowProblem) {
      return try unsafe readValue(fields.fields[field], start + length + 1, end, isTag: isTag)
    } catch {
      throw unsafe error.about(
        String(decoding: UnsafeBufferPointer(start: start, count: length), as: UTF8.self))
    }
  }

  /// Reads a tag or field whose key was not the expected one.
  private mutating func readUnpredicted(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, isTag: Bool,
    after previous: inout Int
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    let key = unsafe scanLineName(start, end)
    guard key.count > 0 else {
      throw RowProblem.malformed("the key of a \(isTag ? "tag" : "field") was expected")
    }
    guard unsafe key.end < end, unsafe key.end[0] == UInt8(ascii: "=") else {
      unsafe place = key.end
      throw unsafe RowProblem.malformed("'=' was expected after the key \(quoted(key.bytes))")
    }
    let value = unsafe key.end + 1
    let known = unsafe fields.find(key.bytes)
    let name = plain(key, .name)
    let text = unsafe String(decoding: name.bytes, as: UTF8.self)
    do throws(RowProblem) {
      if let known {
        fields.link(previous, to: known)
        previous = known
        return try unsafe readValue(fields.fields[known], value, end, isTag: isTag)
      }
      return try unsafe readUnknown(text, key, value, end, isTag: isTag)
    } catch { throw error.about(text) }
  }

  /// Reads a tag or field that the table does not hold yet, and adds it if its column is clear.
  private mutating func readUnknown(
    _ name: String, _ key: LineToken, _ value: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>,
    isTag: Bool
  ) throws(RowProblem) -> UnsafePointer<UInt8> {
    let builder = builder
    let field: InputField
    switch try mapping.resolve(name, isKnown: { builder.position(of: $0) != nil }) {
    case .column(let target):
      guard let position = builder.position(of: target.column) else {
        throw RowProblem("no column '\(target.column)'")
      }
      let scale = unsafe builder.columns[position].scale + target.unitExponent
      field = InputField(
        action: .column, position: position, scale: scale, timeUnit: TimeUnit(suffixOf: name))
    case .ignored: field = InputField(action: .ignored, position: 0, scale: 0)
    case .new(let column):
      return try unsafe readNew(column, value, end, isTag: isTag)
    case .tags: return try unsafe readNew(name, value, end, isTag: isTag)
    }
    _ = unsafe fields.add(key.bytes, field)
    return try unsafe readValue(field, value, end, isTag: isTag)
  }

  /// The token with its escapes resolved, in `scratch` if it has any.
  mutating func plain(_ token: LineToken, _ escape: LineEscape) -> LineToken {
    guard token.hasEscapes else { return token }
    let count = unsafe unescapeLine(token, escape, into: scratch)
    return unsafe LineToken(start: UnsafePointer(scratch), count: count, hasEscapes: false)
  }

  // MARK: Time

  /// Reads the timestamp at `start`, behind which only spaces may stand.
  private mutating func readTimestamp(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) throws(RowProblem) {
    unsafe place = start
    let token = unsafe scanLineWord(start, end, endsAtComma: false)
    guard unsafe LineLiteral.isInteger(token.bytes, allowsSign: true) else {
      throw unsafe RowProblem.malformed(
        "\(quoted(token.bytes)) is not a timestamp; an integer was expected, or a comma between "
          + "fields", field: "time")
    }
    let rest = unsafe skipLineSpaces(token.end, end)
    guard unsafe rest == end else {
      unsafe place = rest
      throw RowProblem.malformed("text after the timestamp; the end of the line was expected")
    }
    if timeIsConstant { return }
    do throws(RowProblem) {
      let column = unsafe builder.columns + (try findTime())
      guard unsafe column.pointee.lastRow != builder.row else {
        throw RowProblem("column 'time' is given twice")
      }
      let value =
        if let fast = unsafe time.ticks(start, count: token.count) { fast } else {
          try unsafe time.number(token.bytes, fieldUnit: nil)
        }
      unsafe column.pointee.set(value, row: builder.row)
    } catch { throw error.about("time") }
  }

  /// Sees to it that the row has a time.
  private mutating func checkTime() throws(RowProblem) {
    if timeIsConstant { return }
    let column = unsafe builder.columns + (try findTime())
    if unsafe column.pointee.lastRow == builder.row { return }
    guard let defaultTimeMicroseconds else {
      throw RowProblem(
        "the line has no timestamp; one after the fields was expected", field: "time")
    }
    unsafe column.pointee.set(defaultTimeMicroseconds, row: builder.row)
  }

  private mutating func findTime() throws(RowProblem) -> Int {
    if timePosition >= 0 { return timePosition }
    guard let position = builder.position(of: "time") else {
      throw RowProblem("no column 'time'")
    }
    timePosition = position
    return position
  }
}
