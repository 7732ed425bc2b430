/// How a csv file separates its fields. Fields are quoted with `"`, doubled inside (RFC 4180).
package struct CsvDialect: Hashable, Sendable {
  package var delimiter: UInt8

  package init(delimiter: UInt8 = UInt8(ascii: ",")) { self.delimiter = delimiter }

  /// The dialect that a header was written in: the candidate that separates the most fields,
  /// the comma if none does.
  init(header: UnsafeBufferPointer<UInt8>) {
    var counts: [UInt8: Int] = [:]
    var isQuoted = false
    for byte in unsafe Array(header) {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if !isQuoted { counts[byte, default: 0] += 1 }
    }
    let candidates = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]
    var best = candidates[0]
    for candidate in candidates where counts[candidate, default: 0] > counts[best, default: 0] {
      best = candidate
    }
    delimiter = best
  }
}
