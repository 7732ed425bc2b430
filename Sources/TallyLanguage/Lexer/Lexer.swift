package import TallyBase

/// Cuts a query text into tokens. Works on UTF-8 bytes; spans are byte offsets.
///
/// Every byte sequence yields tokens or a `syntax` error: nothing in here can trap.
package struct Lexer {
  /// Longest query text in bytes.
  package static let byteCountMax = 256 * 1024

  let bytes: [UInt8]
  var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// All tokens of `text`, ended by one `.end`.
  ///
  /// - Throws: `syntax` for a character or literal outside the language, `resourceExhausted` for a
  ///   text longer than `byteCountMax`.
  /// - Complexity: O(n).
  package static func tokens(in text: String) throws(TallyError) -> [Token] {
    let bytes = Array(text.utf8)
    guard bytes.count <= byteCountMax else {
      throw TallyError(
        .resourceExhausted,
        "the query text has \(bytes.count) bytes, expected at most \(byteCountMax)")
    }
    var lexer = Lexer(bytes: bytes)
    var tokens: [Token] = []
    tokens.reserveCapacity(bytes.count / 4 + 1)
    while true {
      let token = try lexer.next()
      tokens.append(token)
      if token.kind == .end { return tokens }
    }
  }

  /// The byte `offset` places ahead, or 0 past the end.
  func peek(_ offset: Int = 0) -> UInt8 {
    let index = position + offset
    return index < bytes.count ? bytes[index] : 0
  }

  func text(from start: Int) -> String { text(start, position) }

  func text(_ start: Int, _ end: Int) -> String {
    String(decoding: bytes[start..<end], as: UTF8.self)
  }

  /// The next token.
  mutating func next() throws(TallyError) -> Token {
    try skipBlanks()
    let start = position
    guard start < bytes.count else { return Token(kind: .end, span: SourceSpan(start, start)) }
    let kind = try scan()
    return Token(kind: kind, span: SourceSpan(start, position))
  }

  private mutating func scan() throws(TallyError) -> Token.Kind {
    let byte = peek()
    switch byte {
    case UInt8(ascii: "'"):
      return .string(try scanQuoted(byte, name: "string"))
    case UInt8(ascii: "\""):
      let start = position
      let name = try scanQuoted(byte, name: "quoted name")
      guard !name.isEmpty else {
        throw TallyError(
          .syntax, "found an empty quoted name, expected a name between the quotes",
          span: SourceSpan(start, position), hint: "text is written in single quotes: ''")
      }
      return .quoted(name)
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      return try scanNumber()
    case UInt8(ascii: ".") where isDigit(peek(1)):
      return try scanNumber()
    case UInt8(ascii: "$"):
      return try scanParameter()
    default:
      if isWordStart(byte) { return try scanWord() }
      return .sign(try scanSign())
    }
  }

  /// Skips white space and comments. Block comments nest, as in the oracle.
  private mutating func skipBlanks() throws(TallyError) {
    while position < bytes.count {
      let byte = peek()
      if byte == 0x20 || (0x09...0x0D).contains(byte) {
        position += 1
      } else if byte == UInt8(ascii: "-"), peek(1) == UInt8(ascii: "-") {
        while position < bytes.count, peek() != 0x0A { position += 1 }
      } else if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
        try skipBlockComment()
      } else if byte >= 0x80, let count = unicodeBlankByteCount {
        position += count
      } else {
        return
      }
    }
  }

  private mutating func skipBlockComment() throws(TallyError) {
    let start = position
    var depth = 0
    while position < bytes.count {
      if peek() == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
        depth += 1
        position += 2
      } else if peek() == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
        depth -= 1
        position += 2
        if depth == 0 { return }
      } else {
        position += 1
      }
    }
    throw TallyError(
      .syntax, "found a comment without end, expected \"*/\"",
      span: SourceSpan(start, start + 2))
  }

  /// Byte count of a Unicode space at the position, as pasted from documents and chats.
  private var unicodeBlankByteCount: Int? {
    if peek() == 0xC2, peek(1) == 0xA0 { return 2 }  // no-break space
    if peek() == 0xE3, peek(1) == 0x80, peek(2) == 0x80 { return 3 }  // ideographic space
    if peek() == 0xEF, peek(1) == 0xBB, peek(2) == 0xBF { return 3 }  // byte order mark
    if peek() == 0xE2, peek(1) == 0x80, (0x80...0x8B).contains(peek(2)) { return 3 }
    return nil
  }

  private mutating func scanQuoted(_ quote: UInt8, name: String) throws(TallyError) -> String {
    let start = position
    position += 1
    var content: [UInt8] = []
    while position < bytes.count {
      let byte = peek()
      position += 1
      guard byte == quote else {
        content.append(byte)
        continue
      }
      guard peek() == quote else { return String(decoding: content, as: UTF8.self) }
      content.append(quote)
      position += 1
    }
    let sign = String(UnicodeScalar(quote))
    throw TallyError(
      .syntax, "found a \(name) without end, expected a closing \(sign)",
      span: SourceSpan(start, start + 1),
      hint: "a \(sign) inside is written twice: \(sign)\(sign)")
  }

  private mutating func scanWord() throws(TallyError) -> Token.Kind {
    let start = position
    if let sign = typographicQuote {
      throw TallyError(
        .syntax, "found the typographic quote \(sign), expected a straight one",
        span: SourceSpan(start, start + 3),
        hint: "text is written in ', names in \"")
    }
    var folded: [UInt8] = []
    while position < bytes.count, isWordPart(peek()), unicodeBlankByteCount == nil,
      typographicQuote == nil
    {
      let byte = peek()
      folded.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
      position += 1
    }
    return .word(String(decoding: folded, as: UTF8.self))
  }

  /// One of the quotation marks U+2018...U+201F at the position.
  private var typographicQuote: String? {
    guard peek() == 0xE2, peek(1) == 0x80, (0x98...0x9F).contains(peek(2)) else { return nil }
    return text(position, position + 3)
  }

  private mutating func scanParameter() throws(TallyError) -> Token.Kind {
    let start = position
    position += 1
    while isDigit(peek()) { position += 1 }
    guard let number = Int(text(start + 1, position)), number >= 1, number <= 65_535,
      !isWordPart(peek())
    else {
      while isWordPart(peek()) { position += 1 }
      throw TallyError(
        .syntax, "found \"\(text(from: start))\", expected a parameter from $1 to $65535",
        span: SourceSpan(start, position))
    }
    return .parameter(number)
  }

  func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  func isWordStart(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F || byte >= 0x80
  }

  func isWordPart(_ byte: UInt8) -> Bool { isWordStart(byte) || isDigit(byte) }
}
