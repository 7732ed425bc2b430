/// Scanning of InfluxDB line protocol. Every function takes a pointer into a line of a sealed
/// `TextChunk`: the line feed behind it stops each scan, and 8-byte loads may pass it.

/// A name or value as it stands in a line.
@safe struct LineToken {
  // SAFETY: `start` points into the chunk being decoded or into the reader's scratch buffer.
  var start: UnsafePointer<UInt8>
  var count: Int
  var hasEscapes: Bool

  /// The byte after it.
  var end: UnsafePointer<UInt8> { unsafe start + count }
  var bytes: UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: start, count: count)
  }
}

/// Which characters a backslash takes the meaning from.
enum LineEscape {
  case measurement, name, string

  @inline(__always)
  func covers(_ byte: UInt8) -> Bool {
    if byte == UInt8(ascii: "\\") { return true }
    switch self {
    case .measurement: return byte == UInt8(ascii: ",") || byte == 0x20
    case .name: return byte == UInt8(ascii: ",") || byte == UInt8(ascii: "=") || byte == 0x20
    case .string: return byte == UInt8(ascii: "\"")
    }
  }
}

private let lineFeeds: UInt64 = 0x0A0A_0A0A_0A0A_0A0A
private let spaces: UInt64 = 0x2020_2020_2020_2020
private let quotes: UInt64 = 0x2222_2222_2222_2222
private let commas: UInt64 = 0x2C2C_2C2C_2C2C_2C2C
private let equalsSigns: UInt64 = 0x3D3D_3D3D_3D3D_3D3D
private let backslashes: UInt64 = 0x5C5C_5C5C_5C5C_5C5C

/// The first byte that is not a space, at most `end`.
@inline(__always)
func skipLineSpaces(
  _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
) -> UnsafePointer<UInt8> {
  var cursor = unsafe start
  while unsafe cursor < end, unsafe cursor[0] == 0x20 { unsafe cursor += 1 }
  return unsafe cursor
}

/// A key or a tag's value: up to an unescaped comma, equals sign or space, or up to `end`.
@inline(__always)
func scanLineName(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> LineToken {
  var cursor = unsafe start
  var hasEscapes = false
  while true {
    let word = unsafe loadWord(cursor)
    let stops =
      zeroBytes(word ^ commas) | zeroBytes(word ^ equalsSigns) | zeroBytes(word ^ spaces)
      | zeroBytes(word ^ backslashes) | zeroBytes(word ^ lineFeeds)
    if stops == 0 {
      unsafe cursor += 8
      continue
    }
    unsafe cursor += trailingByteCount(stops)
    guard unsafe cursor < end, unsafe cursor[0] == UInt8(ascii: "\\") else { break }
    hasEscapes = true
    unsafe cursor += cursor + 1 < end && LineEscape.name.covers(cursor[1]) ? 2 : 1
  }
  let count = unsafe min(cursor, end) - start
  return unsafe LineToken(start: start, count: count, hasEscapes: hasEscapes)
}

/// The measurement: up to an unescaped comma or space, or up to `end`.
func scanLineMeasurement(
  _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
) -> LineToken {
  var cursor = unsafe start
  var hasEscapes = false
  while unsafe cursor < end {
    let byte = unsafe cursor[0]
    if byte == UInt8(ascii: ",") || byte == 0x20 { break }
    if byte == UInt8(ascii: "\\") {
      hasEscapes = true
      if unsafe cursor + 1 < end, unsafe LineEscape.measurement.covers(cursor[1]) {
        unsafe cursor += 1
      }
    }
    unsafe cursor += 1
  }
  return unsafe LineToken(start: start, count: cursor - start, hasEscapes: hasEscapes)
}

/// The string whose opening quote is just before `start`; nil if no quote closes it.
@inline(__always)
func scanLineString(
  _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
) -> LineToken? {
  var cursor = unsafe start
  var hasEscapes = false
  while true {
    let word = unsafe loadWord(cursor)
    let stops =
      zeroBytes(word ^ quotes) | zeroBytes(word ^ backslashes) | zeroBytes(word ^ lineFeeds)
    if stops == 0 {
      unsafe cursor += 8
      continue
    }
    unsafe cursor += trailingByteCount(stops)
    guard unsafe cursor < end else { return nil }
    if unsafe cursor[0] == UInt8(ascii: "\"") { break }
    hasEscapes = true
    unsafe cursor += cursor + 1 < end && LineEscape.string.covers(cursor[1]) ? 2 : 1
  }
  return unsafe LineToken(start: start, count: cursor - start, hasEscapes: hasEscapes)
}

/// A value without quotes, or a timestamp: up to a space, up to a comma unless it is a timestamp,
/// or up to `end`.
func scanLineWord(
  _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, endsAtComma: Bool
) -> LineToken {
  var cursor = unsafe start
  while unsafe cursor < end {
    let byte = unsafe cursor[0]
    if byte == 0x20 || (endsAtComma && byte == UInt8(ascii: ",")) { break }
    unsafe cursor += 1
  }
  return unsafe LineToken(start: start, count: cursor - start, hasEscapes: false)
}

/// Writes a token with its escapes resolved to `target`, which must have room for `token.count`
/// bytes, and returns how many there are. A backslash that escapes nothing stands for itself.
func unescapeLine(
  _ token: LineToken, _ escape: LineEscape, into target: UnsafeMutablePointer<UInt8>
) -> Int {
  var read = 0
  var written = 0
  while read < token.count {
    let isEscape = unsafe token.start[read] == UInt8(ascii: "\\")
    if isEscape, read + 1 < token.count, unsafe escape.covers(token.start[read + 1]) { read += 1 }
    unsafe target[written] = token.start[read]
    read += 1
    written += 1
  }
  return written
}
