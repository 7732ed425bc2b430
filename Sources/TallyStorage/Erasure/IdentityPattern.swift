import TallyBase

/// Finds an identity in text.
///
/// Text may be JSON, in which characters can be written as escapes: the spellings that common
/// encoders produce are looked for as well.
struct IdentityPattern {
  let bytes: [UInt8]
  private let spellings: [[UInt8]]

  init(_ identity: String) {
    bytes = Array(identity.utf8)
    var all: [[UInt8]] = [bytes]
    for (isSlashEscaped, isASCII, isUpper) in [
      (false, false, false), (true, false, false), (false, true, false), (false, true, true),
      (true, true, false), (true, true, true),
    ] {
      let spelling = IdentityPattern.escaped(
        identity, isSlashEscaped: isSlashEscaped, isASCII: isASCII, isUpper: isUpper)
      if !all.contains(spelling) { all.append(spelling) }
    }
    spellings = all
  }

  private static func escaped(
    _ text: String, isSlashEscaped: Bool, isASCII: Bool, isUpper: Bool
  ) -> [UInt8] {
    var result: [UInt8] = []
    for unit in text.unicodeScalars {
      switch unit {
      case "\"", "\\": result += [UInt8(ascii: "\\")] + Array(String(unit).utf8)
      case "/" where isSlashEscaped: result += Array("\\/".utf8)
      case _ where unit.value < 0x20 || (isASCII && unit.value > 0x7E):
        for half in String(unit).utf16 {
          let digits = String(half, radix: 16, uppercase: isUpper)
          let padding = String(repeating: "0", count: max(0, 4 - digits.count))
          result += Array("\\u\(padding)\(digits)".utf8)
        }
      default: result += Array(String(unit).utf8)
      }
    }
    return result
  }

  /// Whether the identity is anywhere in `text`.
  func isIn(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    spellings.contains { spelling in
      unsafe IdentityPattern.find(spelling, in: text, from: 0) != nil
    }
  }

  /// Whether the identity is in `text` with nothing before and behind it that would make it part
  /// of a longer word: no ASCII letter, digit or underscore, no byte of another script.
  func isTokenIn(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    spellings.contains { spelling in
      var start = 0
      while let found = unsafe IdentityPattern.find(spelling, in: text, from: start) {
        let end = found + spelling.count
        let isOpen = unsafe found == 0 || !IdentityPattern.isWord(text[found - 1])
        let isClosed = unsafe end == text.count || !IdentityPattern.isWord(text[end])
        if isOpen && isClosed { return true }
        start = found + 1
      }
      return false
    }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xFF:
      true
    default: false
    }
  }

  private static func find(
    _ needle: [UInt8], in text: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> Int? {
    guard let first = needle.first, text.count >= needle.count else { return nil }
    var index = start
    while index <= text.count - needle.count {
      // SAFETY: `index` and what follows it up to the needle's length lie within the text.
      if unsafe text[index] == first {
        var length = 1
        while length < needle.count, unsafe text[index + length] == needle[length] { length += 1 }
        if length == needle.count { return index }
      }
      index += 1
    }
    return nil
  }
}
