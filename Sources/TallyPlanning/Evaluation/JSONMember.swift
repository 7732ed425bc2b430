package import TallyBase

/// `document->>'key'`: a member of a JSON object as text.
///
/// Strings come back decoded, numbers and literals as written, objects and arrays without
/// insignificant blanks. Anything that is not a well-formed object, and a member that is null or
/// absent, is NULL. Scanning is iterative, so nesting costs no stack.
package enum JSONMember {
  /// Containers nested deeper than this make a document malformed.
  private static let depthMax = 1_000

  /// - Complexity: O(`document.bytes.count`).
  package static func text(of key: ByteString, in document: ByteString) -> ByteString? {
    var reader = JSONReader(bytes: document.bytes)
    reader.skipBlanks()
    guard reader.take(UInt8(ascii: "{")) else { return nil }
    var found: ByteString?
    var isSettled = false
    reader.skipBlanks()
    if !reader.take(UInt8(ascii: "}")) {
      repeat {
        reader.skipBlanks()
        guard let name = reader.string() else { return nil }
        reader.skipBlanks()
        guard reader.take(UInt8(ascii: ":")) else { return nil }
        reader.skipBlanks()
        let isWanted = !isSettled && name == key.bytes
        guard let value = reader.value(isKept: isWanted, depthMax: depthMax) else { return nil }
        if isWanted {
          found = value.isNull ? nil : ByteString(value.text)
          isSettled = true
        }
        reader.skipBlanks()
      } while reader.take(UInt8(ascii: ","))
      guard reader.take(UInt8(ascii: "}")) else { return nil }
    }
    reader.skipBlanks()
    return reader.isAtEnd ? found : nil
  }
}

/// A cursor over JSON text that yields strings decoded and values compacted.
private struct JSONReader {
  let bytes: [UInt8]
  var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }
  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipBlanks() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    position += 1
    return true
  }

  /// One value of any kind. `text` is empty unless `isKept`.
  mutating func value(isKept: Bool, depthMax: Int) -> (text: [UInt8], isNull: Bool)? {
    switch peek {
    case UInt8(ascii: "\""):
      return string().map { ($0, false) }
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      return container(isKept: isKept, depthMax: depthMax).map { ($0, false) }
    default:
      return scalar().map { ($0, $0 == Array("null".utf8)) }
    }
  }

  /// A number, `true`, `false` or `null`, as written.
  private mutating func scalar() -> [UInt8]? {
    let start = position
    while let byte = peek, isScalarByte(byte) { position += 1 }
    let token = Array(bytes[start..<position])
    let text = String(decoding: token, as: UTF8.self)
    if text == "null" || text == "true" || text == "false" { return token }
    return JSONNumber.isValid(token) ? JSONNumber.normalized(text) : nil
  }

  private func isScalarByte(_ byte: UInt8) -> Bool {
    byte &- 0x30 <= 9 || (byte | 0x20) &- 0x61 < 26 || byte == 0x2B || byte == 0x2D
      || byte == 0x2E
  }

  /// An object or array, copied without blanks. `closers` holds the brackets still open.
  private mutating func container(isKept: Bool, depthMax: Int) -> [UInt8]? {
    var output: [UInt8] = []
    var closers: [UInt8] = []
    repeat {
      skipBlanks()
      guard let byte = peek else { return nil }
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard closers.count < depthMax else { return nil }
        closers.append(byte + 2)
        position += 1
        if isKept { output.append(byte) }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard closers.popLast() == byte else { return nil }
        position += 1
        if isKept { output.append(byte) }
      case UInt8(ascii: ","), UInt8(ascii: ":"):
        position += 1
        if isKept { output.append(byte) }
      case UInt8(ascii: "\""):
        guard let text = string() else { return nil }
        if isKept { output += JSONReader.quoted(text) }
      default:
        guard let token = scalar() else { return nil }
        if isKept { output += token }
      }
    } while !closers.isEmpty
    return output
  }

  /// A string, escapes decoded.
  mutating func string() -> [UInt8]? {
    guard take(UInt8(ascii: "\"")) else { return nil }
    var result: [UInt8] = []
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return result
      case UInt8(ascii: "\\"):
        guard let scalar = escape() else { return nil }
        result += Array(String(Character(scalar)).utf8)
      case 0..<0x20: return nil
      default: result.append(byte)
      }
    }
    return nil
  }

  private mutating func escape() -> Unicode.Scalar? {
    guard let byte = peek else { return nil }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return unicodeEscape()
    default: return nil
    }
  }

  /// `XXXX`, or the two halves of a surrogate pair.
  private mutating func unicodeEscape() -> Unicode.Scalar? {
    guard let high = fourHexDigits() else { return nil }
    guard (0xD800..<0xDC00).contains(high) else { return Unicode.Scalar(high) }
    guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")), let low = fourHexDigits(),
      (0xDC00..<0xE000).contains(low)
    else { return nil }
    return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
  }

  private mutating func fourHexDigits() -> UInt32? {
    guard position + 4 <= bytes.count else { return nil }
    var value: UInt32 = 0
    for byte in bytes[position..<(position + 4)] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        return nil
      }
      value = value << 4 | UInt32(digit)
    }
    position += 4
    return value
  }

  /// A decoded string as JSON again.
  private static func quoted(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [UInt8(ascii: "\"")]
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += [UInt8(ascii: "\\"), byte]
      case 0x08: result += Array("\\b".utf8)
      case 0x0C: result += Array("\\f".utf8)
      case 0x0A: result += Array("\\n".utf8)
      case 0x0D: result += Array("\\r".utf8)
      case 0x09: result += Array("\\t".utf8)
      case 0..<0x20:
        let hex = String(byte, radix: 16, uppercase: true)
        result += Array(("\\u00" + (hex.utf8.count < 2 ? "0" : "") + hex).utf8)
      default: result.append(byte)
      }
    }
    return result + [UInt8(ascii: "\"")]
  }
}

/// Numbers of JSON.
private enum JSONNumber {
  /// Whether the bytes are a number by the grammar of RFC 8259.
  static func isValid(_ token: [UInt8]) -> Bool {
    var rest = token[...]
    func digits(_ rest: inout ArraySlice<UInt8>) -> Int {
      let before = rest.count
      rest = rest.drop { $0 &- 0x30 <= 9 }
      return before - rest.count
    }
    if rest.first == 0x2D { rest.removeFirst() }
    let startsWithZero = rest.first == 0x30
    let whole = digits(&rest)
    guard whole > 0, !(startsWithZero && whole > 1) else { return false }
    if rest.first == 0x2E {
      rest.removeFirst()
      guard digits(&rest) > 0 else { return false }
    }
    if let byte = rest.first, byte | 0x20 == 0x65 {
      rest.removeFirst()
      if rest.first == 0x2B || rest.first == 0x2D { rest.removeFirst() }
      guard digits(&rest) > 0 else { return false }
    }
    return rest.isEmpty
  }

  /// Integers as written; others as the shortest text of their double, fixed-point between
  /// 1e-6 and 1e21.
  static func normalized(_ text: String) -> [UInt8] {
    guard text.utf8.contains(where: { $0 == 0x2E || $0 | 0x20 == 0x65 }),
      let number = Double(text), number.isFinite
    else { return Array(text.utf8) }
    return Array(print(number).utf8)
  }

  private static func print(_ number: Double) -> String {
    guard number != 0 else { return number.sign == .minus ? "-0.0" : "0.0" }
    let (digits, exponent) = shortest(number.magnitude)
    let sign = number < 0 ? "-" : ""
    let point = digits.count + exponent
    if point > 21 || point < -5 {
      let fraction = digits.dropFirst()
      let tail = fraction.isEmpty ? "" : "." + fraction
      return sign + digits.prefix(1) + tail + "e\(point - 1)"
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if point >= digits.count {
      return sign + digits + String(repeating: "0", count: point - digits.count) + ".0"
    }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }

  /// Significant digits and the power of ten they are multiplied by.
  private static func shortest(_ number: Double) -> (digits: String, exponent: Int) {
    let parts = number.description.split(separator: "e")
    var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    var digits = String(mantissa[0])
    if mantissa.count > 1 {
      digits += mantissa[1]
      exponent -= mantissa[1].count
    }
    while digits.count > 1, digits.last == "0" {
      digits.removeLast()
      exponent += 1
    }
    while digits.count > 1, digits.first == "0" { digits.removeFirst() }
    return (digits, exponent)
  }
}
