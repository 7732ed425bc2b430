#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Finds where csv records end. The chunker and the decoder use the same rule, so they agree
/// whatever the input.
///
/// A record ends at a line feed outside quotes. A quote that opens at the start of a field and is
/// not closed within `lineByteCountMax` bytes of the record's start, or by the end
/// of the input, would swallow what follows; such a record is taken to be its first line.
@safe struct CsvRecordScanner {
  // SAFETY: `base` points to `count` readable bytes while the scanner is in use.
  let base: UnsafePointer<UInt8>
  let count: Int
  let dialect: CsvDialect
  /// Whether no more bytes follow.
  let isFinal: Bool
  /// Of `InputLimits`.
  var lineByteCountMax = InputLimits.lineByteCountMax

  struct Record {
    /// Offset after the record's line feed.
    var end: Int
    /// Whether a quote is missing.
    var isUnterminated = false
    /// Whether the record has quotes, and so perhaps several lines.
    var hasQuotes = false
  }

  /// The record that starts at `start`; nil if more bytes are needed.
  @inline(__always)
  func record(from start: Int) -> Record? {
    guard let lineEnd = find(0x0A, from: start, to: count) else {
      if !isFinal { return nil }
      let hasQuote = find(0x22, from: start, to: count) != nil
      return hasQuote
        ? quotedRecord(from: start, lineEnd: count)
        : Record(end: count)
    }
    if find(0x22, from: start, to: lineEnd) == nil {
      return Record(end: lineEnd + 1)
    }
    return quotedRecord(from: start, lineEnd: lineEnd)
  }

  private func quotedRecord(from start: Int, lineEnd: Int) -> Record? {
    let unterminated = Record(end: min(lineEnd + 1, count), isUnterminated: true, hasQuotes: true)
    let limit = start + lineByteCountMax
    var index = start
    while true {
      // At the start of a field.
      if index < count, unsafe base[index] == 0x22 {
        index += 1
        while true {
          guard let quote = find(0x22, from: index, to: min(count, limit)) else {
            let canGrow = !isFinal && count < limit
            return canGrow ? nil : unterminated
          }
          index = quote + 1
          if index == count, !isFinal { return nil }
          guard index < count, unsafe base[index] == 0x22 else { break }
          index += 1
        }
      }
      while index < count, unsafe base[index] != dialect.delimiter, unsafe base[index] != 0x0A {
        index += 1
      }
      guard index < count else {
        return isFinal ? Record(end: count, hasQuotes: true) : nil
      }
      if unsafe base[index] == 0x0A { return Record(end: index + 1, hasQuotes: true) }
      index += 1
    }
  }

  /// Offset after the last complete record; 0 if there is none.
  func lastRecordEnd() -> Int {
    guard find(0x22, from: 0, to: count) != nil else { return lastLineEnd() }
    var end = 0
    while end < count, let next = record(from: end) { end = next.end }
    return end
  }

  /// Offset after the last line feed; 0 if there is none.
  func lastLineEnd() -> Int {
    var end = count
    while end > 0, unsafe base[end - 1] != 0x0A { end -= 1 }
    return end
  }

  @inline(__always)
  private func find(_ byte: Int32, from start: Int, to end: Int) -> Int? {
    guard start < end, let found = unsafe memchr(base + start, byte, end - start) else {
      return nil
    }
    return unsafe UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
  }
}
