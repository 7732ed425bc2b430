import TallyBase

extension Lexer {
  /// `12`, `12.5`, `.5`, `5.`, `1e-3`, `7d`. A missing side of the point is written as 0.
  mutating func scanNumber() throws(TallyError) -> Token.Kind {
    let start = position
    let whole = scanDigits()
    var fraction: String?
    if peek() == UInt8(ascii: ".") {
      position += 1
      fraction = scanDigits()
    }
    let mantissaEnd = position
    let exponent = scanExponent()
    let suffixStart = position
    while isWordPart(peek()) { position += 1 }
    if position > suffixStart || peek() == UInt8(ascii: ".") {
      return try scanDuration(start: start, digitsEnd: mantissaEnd, isWhole: fraction == nil)
    }
    let digits = whole.isEmpty ? "0" : whole
    guard let exponent else {
      guard let fraction else { return .integer(digits) }
      return .decimal(digits + "." + (fraction.isEmpty ? "0" : fraction))
    }
    let point = fraction.map { "." + ($0.isEmpty ? "0" : $0) } ?? ""
    return .double(digits + point + exponent)
  }

  private mutating func scanDigits() -> String {
    let start = position
    while isDigit(peek()) { position += 1 }
    return text(from: start)
  }

  /// `e5`, `E-5`; nil, and nothing consumed, if no digit follows.
  private mutating func scanExponent() -> String? {
    guard peek() | 0x20 == UInt8(ascii: "e") else { return nil }
    let hasSign = peek(1) == UInt8(ascii: "+") || peek(1) == UInt8(ascii: "-")
    guard isDigit(peek(hasSign ? 2 : 1)) else { return nil }
    let sign = peek(1) == UInt8(ascii: "-") ? "-" : ""
    position += hasSign ? 2 : 1
    return "e" + sign + scanDigits()
  }

  /// Digits directly followed by letters: a duration, or a malformed number.
  private mutating func scanDuration(
    start: Int, digitsEnd: Int, isWhole: Bool
  ) throws(TallyError) -> Token.Kind {
    let letters = text(digitsEnd, position)
    if isWhole, peek() != UInt8(ascii: "."), let unit = TimeUnit(word: letters.lowercased()) {
      return .duration(count: text(start, digitsEnd), unit: unit)
    }
    while isWordPart(peek()) || peek() == UInt8(ascii: ".") { position += 1 }
    let isGrouped = letters.hasPrefix("_")
    throw TallyError(
      .syntax,
      "found \"\(text(from: start))\", expected a number such as 12.5 or a duration such as 7d",
      span: SourceSpan(start, position),
      hint: isGrouped
        ? "digits are written without separators"
        : "units are s, m (minutes), h, d, w, mo (months), q and y")
  }
}
