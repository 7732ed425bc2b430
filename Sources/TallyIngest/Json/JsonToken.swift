import TallyBase

/// Scanning of single JSON tokens (RFC 8259). Every function takes a pointer into a sealed
/// `TextChunk`: the line feed at its end stops each scan, because no token contains one.

/// A string between its quotes, as it stands in the input.
@safe struct JsonString {
  // SAFETY: `start` points into the chunk being decoded or into the reader's scratch buffer.
  var start: UnsafePointer<UInt8>
  var count: Int
  /// The byte after the closing quote.
  var end: UnsafePointer<UInt8>
  var hasEscapes: Bool
}

@inline(__always)
func isJsonSpace(_ byte: UInt8) -> Bool {
  byte == 0x20 || byte == 0x09 || byte == 0x0D
}

/// The first byte that is not a blank; a line feed is not one.
@inline(__always)
func skipJsonSpace(_ start: UnsafePointer<UInt8>) -> UnsafePointer<UInt8> {
  var cursor = unsafe start
  while unsafe isJsonSpace(cursor[0]) { unsafe cursor += 1 }
  return unsafe cursor
}

/// Whether a byte may follow a number or a word.
@inline(__always)
func endsJsonScalar(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
    || byte == 0x0A || isJsonSpace(byte)
}

/// The string whose opening quote is just before `start`. Its bytes are valid UTF-8; escapes are
/// only found, not checked.
@inline(__always)
func scanJsonString(_ start: UnsafePointer<UInt8>) throws(RowProblem) -> JsonString {
  var cursor = unsafe start
  var seen: UInt64 = 0
  var hasEscapes = false
  while true {
    let word = unsafe loadWord(cursor)
    let quotes = zeroBytes(word ^ 0x2222_2222_2222_2222)
    let escapes = zeroBytes(word ^ 0x5C5C_5C5C_5C5C_5C5C)
    let controls = (word &- 0x2020_2020_2020_2020) & ~word & highBits
    let stops = quotes | escapes | controls
    if stops == 0 {
      seen |= word
      unsafe cursor += 8
      continue
    }
    let offset = trailingByteCount(stops)
    seen |= word & lowBytesMask(offset)
    unsafe cursor += offset
    let byte = unsafe cursor[0]
    if byte == UInt8(ascii: "\"") { break }
    guard byte == UInt8(ascii: "\\"), unsafe cursor[1] >= 0x20 else {
      throw byte == 0x0A || byte == UInt8(ascii: "\\")
        ? RowProblem.malformed("malformed JSON: a string has no closing quote")
        : RowProblem.malformed("malformed JSON: control character \(byte) inside a string")
    }
    hasEscapes = true
    // The escaped character may be a quote, so it is stepped over; a byte of a longer character
    // is left to the scan.
    if unsafe cursor[1] >= 0x80 { seen |= highBits }
    unsafe cursor += 2
  }
  let count = unsafe cursor - start
  if seen & highBits != 0 {
    guard unsafe isValidUTF8(UnsafeBufferPointer(start: start, count: count)) else {
      throw RowProblem.malformed("invalid UTF-8 inside a string")
    }
  }
  return unsafe JsonString(
    start: start, count: count, end: cursor + 1, hasEscapes: hasEscapes)
}

/// Whether bytes are UTF-8 without overlong forms and surrogates.
func isValidUTF8(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
  (try? unsafe UTF8Span(validating: bytes.span)) != nil
}

/// The bytes from `start` up to the end of a number or word.
func scanJsonScalar(_ start: UnsafePointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
  var end = unsafe start
  while unsafe !endsJsonScalar(end[0]), unsafe end[0] != 0 { unsafe end += 1 }
  return unsafe UnsafeBufferPointer(start: start, count: end - start)
}

/// The first byte after the value at `start`, of whatever kind, checked in full.
///
/// - Throws: if it is not JSON, or nested deeper than 64 levels.
func skipJsonValue(_ start: UnsafePointer<UInt8>) throws(RowProblem) -> UnsafePointer<UInt8> {
  var cursor = unsafe start
  // One bit a level, the innermost lowest: 1 for an object.
  var isObject: UInt64 = 0
  var depth = 0
  while true {
    let byte = unsafe cursor[0]
    if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
      guard depth < 64 else { throw RowProblem.malformed("JSON is nested deeper than 64 levels") }
      isObject = isObject << 1 | (byte == UInt8(ascii: "{") ? 1 : 0)
      depth += 1
      unsafe cursor = skipJsonSpace(cursor + 1)
      if unsafe cursor[0] != closer(isObject) {
        if isObject & 1 == 1 { unsafe cursor = try skipJsonKey(cursor) }
        continue
      }
    } else {
      unsafe cursor = try skipJsonLeaf(cursor)
    }
    // A value has ended, or the cursor stands on the closer of an empty container.
    var isAfterComma = false
    while depth > 0 {
      unsafe cursor = skipJsonSpace(cursor)
      if unsafe cursor[0] == UInt8(ascii: ",") {
        unsafe cursor = skipJsonSpace(cursor + 1)
        if isObject & 1 == 1 { unsafe cursor = try skipJsonKey(cursor) }
        isAfterComma = true
        break
      }
      guard unsafe cursor[0] == closer(isObject) else {
        throw RowProblem.malformed("malformed JSON: ',' or a closing bracket was expected")
      }
      unsafe cursor += 1
      isObject >>= 1
      depth -= 1
    }
    if !isAfterComma { return unsafe cursor }
  }
}

private func closer(_ isObject: UInt64) -> UInt8 {
  isObject & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]")
}

/// Steps over `"key":` and the blanks around it.
private func skipJsonKey(_ start: UnsafePointer<UInt8>) throws(RowProblem) -> UnsafePointer<UInt8> {
  guard unsafe start[0] == UInt8(ascii: "\"") else {
    throw RowProblem.malformed("malformed JSON: a member name in quotes was expected")
  }
  let cursor = unsafe skipJsonSpace(try skipJsonLeaf(start))
  guard unsafe cursor[0] == UInt8(ascii: ":") else {
    throw RowProblem.malformed("malformed JSON: ':' was expected after a member name")
  }
  return unsafe skipJsonSpace(cursor + 1)
}

/// Steps over a string, number or word.
private func skipJsonLeaf(
  _ start: UnsafePointer<UInt8>
) throws(RowProblem) -> UnsafePointer<UInt8> {
  if unsafe start[0] == UInt8(ascii: "\"") {
    let string = try unsafe scanJsonString(start + 1)
    if string.hasEscapes {
      // SAFETY: the buffer holds the unescaped text, which is never longer.
      let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: string.count)
      defer { unsafe scratch.deallocate() }
      _ = try unsafe unescapeJson(string, into: scratch)
    }
    return unsafe string.end
  }
  let token = unsafe scanJsonScalar(start)
  let isWord =
    unsafe jsonWord(token, is: "true") || jsonWord(token, is: "false")
    || jsonWord(token, is: "null")
  guard unsafe isWord || Number(token, isStrict: true) != nil else {
    throw unsafe malformedScalar(token)
  }
  return unsafe start + token.count
}

func jsonWord(_ token: UnsafeBufferPointer<UInt8>, is word: StaticString) -> Bool {
  guard token.count == word.utf8CodeUnitCount else { return false }
  for index in 0..<token.count where unsafe token[index] != word.utf8Start[index] { return false }
  return true
}

/// What is wrong with a token that is no JSON value.
func malformedScalar(_ token: UnsafeBufferPointer<UInt8>) -> RowProblem {
  if token.isEmpty { return RowProblem.malformed("malformed JSON: a value was expected") }
  let text = unsafe String(decoding: token, as: UTF8.self)
  let unsigned = text.drop { $0 == "-" || $0 == "+" }.lowercased()
  if ["nan", "inf", "infinity"].contains(unsigned) {
    return unsafe RowProblem("\(quoted(token)) is not a finite number")
  }
  return unsafe RowProblem.malformed("malformed JSON: \(quoted(token)) is not a value")
}
