package import TallyBase

/// Reads the little JSON that requests and replies hold: arrays of scalars.
package struct JsonScanner {
  private let bytes: [UInt8]
  private var position = 0

  package init(_ text: String) { bytes = Array(text.utf8) }

  private func problem(_ expectation: String) -> WireError {
    let found =
      position < bytes.count
      ? "'" + String(decoding: bytes[position...].prefix(16), as: UTF8.self) + "'" : "the end"
    return WireError(
      .argument, "found \(found) at byte \(position) of the JSON, expected \(expectation)")
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
      position += 1
    }
  }

  /// Steps over `sign` if it is next.
  package mutating func take(_ sign: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: sign) else { return false }
    position += 1
    return true
  }

  /// - Throws: `E_ARGUMENT` unless `sign` is next.
  package mutating func expect(_ sign: Unicode.Scalar) throws(WireError) {
    guard take(sign) else { throw problem("'\(sign)'") }
  }

  /// - Throws: `E_ARGUMENT` unless only blanks are left.
  package mutating func expectEnd() throws(WireError) {
    skipSpace()
    guard position == bytes.count else { throw problem("nothing more") }
  }

  /// A value that is neither object nor array.
  package mutating func scalar() throws(WireError) -> Value {
    skipSpace()
    guard position < bytes.count else { throw problem("a value") }
    if bytes[position] == UInt8(ascii: "\"") { return .text(ByteString(try string())) }
    let start = position
    while position < bytes.count, JsonScanner.isWordByte(bytes[position]) { position += 1 }
    let word = String(decoding: bytes[start..<position], as: UTF8.self)
    switch word {
    case "null": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    default:
      guard let number = JsonScanner.number(word) else {
        position = start
        throw problem("a string, number, true, false or null")
      }
      return number
    }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
      || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".")
  }

  /// An integer, a decimal of up to 38 digits, or a finite double.
  private static func number(_ word: String) -> Value? {
    let unsigned = word.utf8.first == UInt8(ascii: "-") ? word.utf8.dropFirst() : word.utf8[...]
    let digits = unsigned.prefix { $0 &- UInt8(ascii: "0") < 10 }
    guard !digits.isEmpty, digits.count == 1 || digits.first != UInt8(ascii: "0") else {
      return nil
    }
    let rest = unsigned.dropFirst(digits.count)
    if rest.isEmpty { return Int128(word).map { .int($0) } }
    let fraction = rest.dropFirst()
    let isDecimal =
      rest.first == UInt8(ascii: ".") && !fraction.isEmpty
      && fraction.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
    guard isDecimal else {
      // The rest must be an exponent, perhaps after a fraction: no hexadecimal digits.
      let isExponential = rest.contains(UInt8(ascii: "e")) || rest.contains(UInt8(ascii: "E"))
      guard isExponential, !rest.contains(UInt8(ascii: "x")) else { return nil }
      return finiteDouble(word)
    }
    guard digits.count + fraction.count <= 38,
      let unscaled = Int128(word.replacing(".", with: ""))
    else { return nil }
    return .decimal(unscaled: unscaled, scale: fraction.count)
  }

  private static func finiteDouble(_ word: String) -> Value? {
    guard let double = Double(word), double.isFinite else { return nil }
    return .double(double)
  }

  /// A string, its escapes resolved.
  package mutating func string() throws(WireError) -> String {
    try expect("\"")
    var result: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\"") { return String(decoding: result, as: UTF8.self) }
      if byte < 0x20 { throw problem("a string without control characters") }
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      try appendEscape(to: &result)
    }
    throw problem("a closing quote")
  }

  private mutating func appendEscape(to result: inout [UInt8]) throws(WireError) {
    guard position < bytes.count else { throw problem("an escape") }
    let kind = bytes[position]
    position += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(kind)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "u"):
      var scalar = try hexDigits()
      if (0xD800..<0xDC00).contains(scalar), bytes[position...].starts(with: "\\u".utf8) {
        position += 2
        let low = try hexDigits()
        guard (0xDC00..<0xE000).contains(low) else { throw problem("a surrogate pair") }
        scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let valid = Unicode.Scalar(scalar) else { throw problem("a surrogate pair") }
      result += Array(String(valid).utf8)
    default: throw problem("an escape")
    }
  }

  private mutating func hexDigits() throws(WireError) -> UInt32 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4,
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
      digits.first != UInt8(ascii: "+")
    else { throw problem("four hexadecimal digits") }
    position += 4
    return value
  }
}

/// JSON text of strings.
enum WireJson {
  /// Appends a string in quotes.
  static func append(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0x0A: bytes += Array("\\n".utf8)
      case 0x0D: bytes += Array("\\r".utf8)
      case 0x09: bytes += Array("\\t".utf8)
      case 0..<0x20, 0x7F:
        let digits = String(byte, radix: 16)
        bytes += Array(("\\u00" + (byte < 16 ? "0" : "") + digits).utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
