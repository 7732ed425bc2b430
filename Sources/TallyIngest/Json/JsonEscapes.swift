/// Writes a string with its escapes resolved to `target`, which must have room for
/// `string.count` bytes, and returns how many there are.
///
/// - Throws: on an unknown escape or half of a surrogate pair.
func unescapeJson(
  _ string: JsonString, into target: UnsafeMutablePointer<UInt8>
) throws(RowProblem) -> Int {
  // SAFETY: no escape is shorter than the bytes it stands for, so `written` never passes `read`;
  // the closing quote after the string ends every look-ahead, because it is no hex digit.
  let source = unsafe string.start
  var read = 0
  var written = 0
  while read < string.count {
    let byte = unsafe source[read]
    guard byte == UInt8(ascii: "\\") else {
      unsafe target[written] = byte
      read += 1
      written += 1
      continue
    }
    let kind = unsafe source[read + 1]
    if kind == UInt8(ascii: "u") {
      let (scalar, length) = try unsafe unicodeEscape(source + read)
      for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
        unsafe target[written] = unit
        written += 1
      }
      read += length
    } else {
      guard let plain = simpleEscape(kind) else {
        throw RowProblem.malformed(
          "malformed JSON: '\\\(String(decoding: [kind], as: UTF8.self))' is not an escape")
      }
      unsafe target[written] = plain
      written += 1
      read += 2
    }
  }
  return written
}

private func simpleEscape(_ kind: UInt8) -> UInt8? {
  switch kind {
  case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): kind
  case UInt8(ascii: "b"): 0x08
  case UInt8(ascii: "f"): 0x0C
  case UInt8(ascii: "n"): 0x0A
  case UInt8(ascii: "r"): 0x0D
  case UInt8(ascii: "t"): 0x09
  default: nil
  }
}

/// The character that `\uXXXX` or a surrogate pair at `start` stands for, and its length.
private func unicodeEscape(
  _ start: UnsafePointer<UInt8>
) throws(RowProblem) -> (Unicode.Scalar, length: Int) {
  guard let first = unsafe hexDigits(start + 2) else {
    throw RowProblem.malformed("malformed JSON: '\\u' without four hex digits")
  }
  if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
  guard first < 0xDC00, unsafe start[6] == UInt8(ascii: "\\"),
    unsafe start[7] == UInt8(ascii: "u"), let second = unsafe hexDigits(start + 8),
    (0xDC00...0xDFFF).contains(second),
    let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
  else { throw RowProblem.malformed("malformed JSON: '\\u' escape is half of a surrogate pair") }
  return (scalar, 12)
}

private func hexDigits(_ start: UnsafePointer<UInt8>) -> UInt32? {
  var value: UInt32 = 0
  for index in 0..<4 {
    let byte = unsafe start[index]
    let digit: UInt8
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
    default: return nil
    }
    value = value << 4 | UInt32(digit)
  }
  return value
}
