package import TallyBase

/// LIKE over bytes: `%` any bytes, `_` one character (a UTF-8 sequence). There is no escape
/// character.
///
/// Greedy matching with one backtracking point: on a mismatch only the latest `%` takes one byte
/// more, which is enough because the pattern between two `%` matches at its first place or at
/// none. Worst case O(text x pattern), never exponential.
package struct LikeMatcher: Sendable {
  private let pattern: [UInt8]
  private let ignoringCase: Bool

  package init(_ pattern: LikePattern) {
    ignoringCase = pattern.ignoringCase
    self.pattern =
      pattern.ignoringCase ? TextMath.lowercased(pattern.pattern).bytes : pattern.pattern.bytes
  }

  package func matches(_ text: ByteString) -> Bool {
    let bytes = ignoringCase ? TextMath.lowercased(text).bytes : text.bytes
    return matches(bytes[...])
  }

  private func matches(_ text: ArraySlice<UInt8>) -> Bool {
    var textIndex = text.startIndex
    var patternIndex = 0
    var resume: (pattern: Int, text: Int)?
    while textIndex < text.endIndex {
      if patternIndex < pattern.count, pattern[patternIndex] == UInt8(ascii: "%") {
        resume = (patternIndex + 1, textIndex)
        patternIndex += 1
      } else if patternIndex < pattern.count, pattern[patternIndex] == UInt8(ascii: "_") {
        textIndex = TextMath.nextCharacter(in: text, after: textIndex)
        patternIndex += 1
      } else if patternIndex < pattern.count, pattern[patternIndex] == text[textIndex] {
        textIndex += 1
        patternIndex += 1
      } else if let point = resume {
        // The `%` takes one whole character more, so that `_` never starts inside one.
        textIndex = TextMath.nextCharacter(in: text, after: point.text)
        resume = (point.pattern, textIndex)
        patternIndex = point.pattern
      } else {
        return false
      }
    }
    return pattern[patternIndex...].allSatisfy { $0 == UInt8(ascii: "%") }
  }
}
