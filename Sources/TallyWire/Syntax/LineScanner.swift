/// Reads a line word by word. The line is UTF-8 without control characters but tabs.
struct LineScanner {
  private let bytes: [UInt8]
  private(set) var position = 0

  /// - Throws: `E_ARGUMENT` if the line is not text.
  init(_ bytes: [UInt8]) throws(WireError) {
    for byte in bytes where (byte < 0x20 && byte != 0x09) || byte == 0x7F {
      throw WireError(
        .argument, "found control character \(byte) in a line",
        hint: "send text with line ends as a payload")
    }
    guard (try? UTF8Span(validating: bytes.span)) != nil else {
      throw WireError(.argument, "a line is not valid UTF-8")
    }
    self.bytes = bytes
  }

  var isAtEnd: Bool { position == bytes.count }
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skip(_ count: Int = 1) { position = min(position + count, bytes.count) }

  mutating func skipBlanks() {
    while let byte = next, LineScanner.isBlank(byte) { position += 1 }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// The bytes up to the next blank or the end.
  private func wordEnd(from start: Int) -> Int {
    bytes[start...].firstIndex(where: LineScanner.isBlank) ?? bytes.count
  }

  /// The next word; nil at the end.
  mutating func word() -> String? {
    skipBlanks()
    guard !isAtEnd else { return nil }
    let end = wordEnd(from: position)
    defer { position = end }
    return text(position..<end)
  }

  /// The rest without blanks at both ends.
  mutating func rest() -> String {
    skipBlanks()
    var end = bytes.count
    while end > position, LineScanner.isBlank(bytes[end - 1]) { end -= 1 }
    defer { position = bytes.count }
    return text(position..<end)
  }

  /// The rest as it is.
  mutating func restAsIs() -> String {
    defer { position = bytes.count }
    return text(position..<bytes.count)
  }

  /// Steps over `key=` if it is next.
  mutating func skipKey(_ key: String) -> Bool {
    skipBlanks()
    guard bytes[position...].starts(with: (key + "=").utf8) else { return false }
    position += key.utf8.count + 1
    return true
  }

  /// The next word if it is `key=value`; nil, and nothing taken, if it is something else.
  ///
  /// - Throws: `E_ARGUMENT` if the quotes of the value are not closed.
  mutating func field() throws(WireError) -> WireField? {
    skipBlanks()
    let start = position
    guard let first = next, first &- UInt8(ascii: "a") < 26 else { return nil }
    var cursor = start
    while cursor < bytes.count, LineScanner.isKeyByte(bytes[cursor]) { cursor += 1 }
    guard cursor - start <= 32, cursor < bytes.count, bytes[cursor] == UInt8(ascii: "=") else {
      return nil
    }
    let key = text(start..<cursor)
    position = cursor + 1
    guard next == UInt8(ascii: "\"") else {
      let end = wordEnd(from: position)
      defer { position = end }
      return WireField(key, text(position..<end))
    }
    return WireField(key, try quoted(key))
  }

  private static func isKeyByte(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "_")
  }

  /// The value whose opening quote is next; a blank or the end must follow it.
  private mutating func quoted(_ key: String) throws(WireError) -> String {
    position += 1
    var value: [UInt8] = []
    while let byte = next {
      position += 1
      if byte == UInt8(ascii: "\"") {
        if let after = next, !LineScanner.isBlank(after) {
          throw WireError(.argument, "text after the closing quote of '\(key)', expected a blank")
        }
        return String(decoding: value, as: UTF8.self)
      }
      guard byte == UInt8(ascii: "\\") else {
        value.append(byte)
        continue
      }
      switch next {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): value.append(bytes[position])
      case UInt8(ascii: "n"): value.append(0x0A)
      case UInt8(ascii: "r"): value.append(0x0D)
      case UInt8(ascii: "t"): value.append(0x09)
      default:
        throw WireError(
          .argument, "found an unknown escape in '\(key)', expected \\\" \\\\ \\n \\r or \\t")
      }
      position += 1
    }
    throw WireError(.argument, "the quotes of '\(key)' are not closed")
  }

  private func text(_ range: Range<Int>) -> String {
    String(decoding: bytes[range], as: UTF8.self)
  }
}

extension String {
  /// Whether it can be a tag of a request: 1 to 32 letters, digits, `_`, `.` and `-`.
  package var isWireTag: Bool {
    (1...32).contains(utf8.count)
      && utf8.allSatisfy { byte in
        byte &- UInt8(ascii: "0") < 10 || (byte | 0x20) &- UInt8(ascii: "a") < 26
          || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
      }
  }
}
