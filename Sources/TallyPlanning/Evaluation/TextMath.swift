package import TallyBase

/// Text functions over bytes; a character is a Unicode scalar.
package enum TextMath {
  /// The index after the UTF-8 sequence that starts at `index`. Stray continuation bytes belong
  /// to what precedes them.
  package static func nextCharacter(in bytes: ArraySlice<UInt8>, after index: Int) -> Int {
    var next = index + 1
    while next < bytes.endIndex, bytes[next] & 0xC0 == 0x80 { next += 1 }
    return next
  }

  /// Number of Unicode scalars.
  package static func length(_ text: ByteString) -> Int {
    text.bytes.reduce(0) { count, byte in byte & 0xC0 == 0x80 ? count : count + 1 }
  }

  package static func lowercased(_ text: ByteString) -> ByteString {
    mapScalars(text) { scalar in
      scalar.value == 0x130 ? "i" : single(scalar.properties.lowercaseMapping)
    }
  }

  package static func uppercased(_ text: ByteString) -> ByteString {
    mapScalars(text) { scalar in
      scalar.value == 0xDF ? "\u{1E9E}" : single(scalar.properties.uppercaseMapping)
    }
  }

  /// A mapping to one scalar, or nil: case mapping never changes the number of characters.
  private static func single(_ mapping: String) -> Unicode.Scalar? {
    mapping.unicodeScalars.count == 1 ? mapping.unicodeScalars.first : nil
  }

  private static func mapScalars(
    _ text: ByteString, _ transform: (Unicode.Scalar) -> Unicode.Scalar?
  ) -> ByteString {
    var result = String.UnicodeScalarView()
    for scalar in text.string.unicodeScalars { result.append(transform(scalar) ?? scalar) }
    return ByteString(String(result))
  }

  /// Byte offsets of the characters, and the end.
  private static func boundaries(_ text: ByteString) -> [Int] {
    let bytes = text.bytes[...]
    var offsets = [0]
    var index = 0
    while index < bytes.endIndex {
      index = nextCharacter(in: bytes, after: index)
      offsets.append(index)
    }
    return offsets
  }

  /// Characters `lower..<upper`, clamped to the text.
  private static func slice(_ text: ByteString, _ lower: Int64, _ upper: Int64) -> ByteString {
    let offsets = boundaries(text)
    let count = Int64(offsets.count - 1)
    let from = Int(min(max(lower, 0), count))
    let to = Int(min(max(upper, 0), count))
    return from < to ? ByteString(Array(text.bytes[offsets[from]..<offsets[to]])) : ""
  }

  /// `substring`: `start` counts from 1; 0 lies before the first character, a negative one counts
  /// from the end. A negative length takes what lies before `start`.
  package static func substring(_ text: ByteString, start: Int64, length: Int64?) -> ByteString {
    let count = Int64(TextMath.length(text))
    // Far outside any text, yet safe to add.
    let limit: Int64 = 1 << 40
    let clampedStart = min(max(start, -limit), limit)
    let begin: Int64 =
      if clampedStart > 0 { clampedStart - 1 } else if clampedStart < 0 {
        count + clampedStart
      } else {
        -1
      }
    guard let length else { return slice(text, begin, count) }
    let clampedLength = min(max(length, -limit), limit)
    if clampedLength < 0 { return slice(text, begin + clampedLength, begin) }
    return slice(text, begin, begin + clampedLength)
  }

  /// The first `count` characters; all but the last `-count` where it is negative.
  package static func left(_ text: ByteString, _ count: Int64) -> ByteString {
    let total = Int64(length(text))
    return slice(text, 0, count >= 0 ? count : total - min(count.magnitudeClamped, total))
  }

  /// The last `count` characters; all but the first `-count` where it is negative.
  package static func right(_ text: ByteString, _ count: Int64) -> ByteString {
    let total = Int64(length(text))
    let kept = count >= 0 ? min(count, total) : total - min(count.magnitudeClamped, total)
    return slice(text, total - kept, total)
  }

  /// Without blanks (U+0020) at the chosen ends.
  package static func trim(_ text: ByteString, left: Bool, right: Bool) -> ByteString {
    var bytes = text.bytes[...]
    if left { bytes = bytes.drop { $0 == 0x20 } }
    while right, bytes.last == 0x20 { bytes.removeLast() }
    return ByteString(Array(bytes))
  }

  /// First place of `needle` at or after `start`, or nil.
  package static func find(
    _ needle: ArraySlice<UInt8>, in bytes: ArraySlice<UInt8>, from start: Int
  ) -> Int? {
    guard let first = needle.first else { return start }
    guard bytes.count >= needle.count else { return nil }
    var index = start
    let last = bytes.endIndex - needle.count
    while index <= last {
      if bytes[index] == first, bytes[index..<(index + needle.count)].elementsEqual(needle) {
        return index
      }
      index += 1
    }
    return nil
  }

  /// Every `from` replaced by `to`, left to right; an empty `from` changes nothing.
  package static func replace(
    _ text: ByteString, from: ByteString, to: ByteString
  ) -> ByteString {
    guard !from.bytes.isEmpty else { return text }
    let bytes = text.bytes[...]
    var result: [UInt8] = []
    var index = 0
    while let place = find(from.bytes[...], in: bytes, from: index) {
      result += bytes[index..<place]
      result += to.bytes
      index = place + from.bytes.count
    }
    result += bytes[index...]
    return ByteString(result)
  }

  /// Part `index` (from 1; negative from the end) of `text` cut at `separator`; empty where there
  /// is none. An empty separator cuts between characters.
  package static func splitPart(
    _ text: ByteString, separator: ByteString, index: Int64
  ) -> ByteString {
    var parts: [ByteString] = []
    if separator.bytes.isEmpty {
      let offsets = boundaries(text)
      for (from, to) in zip(offsets, offsets.dropFirst()) {
        parts.append(ByteString(Array(text.bytes[from..<to])))
      }
    } else {
      let bytes = text.bytes[...]
      var start = 0
      while let place = find(separator.bytes[...], in: bytes, from: start) {
        parts.append(ByteString(Array(bytes[start..<place])))
        start = place + separator.bytes.count
      }
      parts.append(ByteString(Array(bytes[start...])))
    }
    let count = Int64(parts.count)
    guard index != 0, index >= -count, index <= count else { return "" }
    return parts[Int(index > 0 ? index - 1 : count + index)]
  }
}

extension Int64 {
  /// The absolute value; that of the least integer is the greatest one.
  fileprivate var magnitudeClamped: Int64 { self == .min ? .max : Swift.abs(self) }
}
