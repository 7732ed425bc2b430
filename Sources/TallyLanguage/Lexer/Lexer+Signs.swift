import TallyBase

extension Lexer {
  /// An operator or punctuation mark, the longest that fits.
  mutating func scanSign() throws(TallyError) -> Token.Sign {
    for length in [3, 2, 1] where position + length <= bytes.count {
      let candidate = text(position, position + length)
      guard let sign = Token.Sign(rawValue: candidate) ?? Lexer.synonyms[candidate] else {
        continue
      }
      position += length
      return sign
    }
    throw unknownCharacter()
  }

  /// Other spellings the oracle takes.
  private static let synonyms: [String: Token.Sign] = [
    "!=": .notEqual, "==": .equal, "**": .power,
  ]

  private func unknownCharacter() -> TallyError {
    let byte = peek()
    let span = SourceSpan(position, position + 1)
    let shown = byte < 0x20 || byte == 0x7F ? "byte \(byte)" : "\"\(UnicodeScalar(byte))\""
    let hint: String? =
      switch byte {
      case UInt8(ascii: "`"): "names with special characters are written in \""
      case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"):
        "lists are written in parentheses"
      case UInt8(ascii: "&"): "conditions are joined with AND"
      case UInt8(ascii: "|"): "conditions are joined with OR, text with ||"
      case UInt8(ascii: "!"): "negation is written NOT, inequality <>"
      case UInt8(ascii: "~"): "patterns are matched with LIKE or ILIKE"
      case UInt8(ascii: ":"): "casts are written x::type"
      default: nil
      }
    return TallyError(
      .syntax, "found \(shown), which no query contains outside quotes", span: span, hint: hint)
  }
}
