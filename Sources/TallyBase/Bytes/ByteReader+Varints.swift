extension ByteReader {
  /// Reads `count` varints.
  ///
  /// - Throws: `corruption`, as `readVarint` does.
  /// - Complexity: about a nanosecond each while they are short.
  package mutating func readVarints(count: Int) throws(TallyError) -> [UInt64] {
    // A varint has at least one byte, so a count beyond the bytes cannot be met.
    guard count >= 0, count <= remainingCount else {
      throw corruption("it has \(remainingCount) more bytes, expected \(count) numbers")
    }
    var values: [UInt64] = []
    values.reserveCapacity(count)
    while values.count < count {
      let shortCount = appendShortVarints(count: count, to: &values)
      try skip(byteCount: shortCount)
      if values.count < count { values.append(try readVarint()) }
    }
    return values
  }

  /// Appends varints of at most three bytes while there are such and eight bytes are left; returns
  /// the bytes they take.
  private func appendShortVarints(count: Int, to values: inout [UInt64]) -> Int {
    unsafe bytes.withUnsafeBytes { source in
      var index = position
      while values.count < count, index &+ 8 <= end {
        // SAFETY: eight bytes are left before `end`, which lies within the array.
        let word = unsafe UInt64(
          littleEndian: source.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        if word & 0x80 == 0 {
          values.append(word & 0x7F)
          index &+= 1
        } else if word & 0x8000 == 0 {
          values.append(word & 0x7F | word >> 1 & 0x3F80)
          index &+= 2
        } else if word & 0x80_0000 == 0 {
          values.append(word & 0x7F | word >> 1 & 0x3F80 | word >> 2 & 0x1F_C000)
          index &+= 3
        } else {
          break
        }
      }
      return index &- position
    }
  }

  private mutating func skip(byteCount: Int) throws(TallyError) {
    _ = try readRange(byteCount: byteCount)
  }
}
