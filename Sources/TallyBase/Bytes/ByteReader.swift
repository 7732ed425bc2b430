/// Reads little-endian numbers from bytes that may be damaged: every read is bounds-checked and
/// says what it was reading when the bytes end.
package struct ByteReader: Sendable {
  package let bytes: [UInt8]
  /// Index of the next byte.
  package private(set) var position: Int
  /// One past the last byte that may be read.
  package let end: Int
  /// What the bytes are, for errors: "segment footer".
  package let subject: String

  package init(_ bytes: [UInt8], subject: String) {
    self.bytes = bytes
    self.subject = subject
    position = 0
    end = bytes.count
  }

  /// Reads only `range`, which is cut to the array's bounds.
  package init(_ bytes: [UInt8], range: Range<Int>, subject: String) {
    self.bytes = bytes
    self.subject = subject
    position = max(0, min(range.lowerBound, bytes.count))
    end = max(position, min(range.upperBound, bytes.count))
  }

  package var remainingCount: Int { end - position }
  package var isAtEnd: Bool { position == end }

  /// An error about this reader's bytes.
  package func corruption(_ detail: String) -> TallyError {
    TallyError(.corruption, "\(subject) is damaged at byte \(position): \(detail)")
  }

  package mutating func readUInt8() throws(TallyError) -> UInt8 {
    guard position < end else { throw endOfBytes(1) }
    defer { position &+= 1 }
    return bytes[position]
  }

  package mutating func readUInt16() throws(TallyError) -> UInt16 {
    UInt16(truncatingIfNeeded: try readLittleEndian(byteCount: 2))
  }

  package mutating func readUInt32() throws(TallyError) -> UInt32 {
    UInt32(truncatingIfNeeded: try readLittleEndian(byteCount: 4))
  }

  package mutating func readUInt64() throws(TallyError) -> UInt64 {
    try readLittleEndian(byteCount: 8)
  }

  package mutating func readInt64() throws(TallyError) -> Int64 {
    Int64(bitPattern: try readLittleEndian(byteCount: 8))
  }

  /// - Throws: `corruption` if the number does not end or needs more than 64 bits.
  package mutating func readVarint() throws(TallyError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end {
      let byte = bytes[position]
      position &+= 1
      value |= UInt64(byte & 0x7F) &<< shift
      if byte < 0x80 {
        if shift == 63, byte > 1 { throw corruption("a varint is longer than 64 bits") }
        return value
      }
      shift &+= 7
      if shift > 63 { throw corruption("a varint is longer than 64 bits") }
    }
    throw endOfBytes(1)
  }

  package mutating func readSignedVarint() throws(TallyError) -> Int64 {
    Zigzag.decode(try readVarint())
  }

  /// A count or length of at most `maximum`.
  package mutating func readCount(
    upTo maximum: Int, _ name: @autoclosure () -> String
  ) throws(TallyError) -> Int {
    let value = try readVarint()
    guard let count = Int(exactly: value), count <= maximum else {
      throw corruption("\(name()) is \(value), expected at most \(maximum)")
    }
    return count
  }

  /// Steps over `byteCount` bytes and says where they are.
  package mutating func readRange(byteCount: Int) throws(TallyError) -> Range<Int> {
    guard byteCount >= 0, byteCount <= remainingCount else { throw endOfBytes(byteCount) }
    defer { position &+= byteCount }
    return position..<(position &+ byteCount)
  }

  package mutating func readBytes(byteCount: Int) throws(TallyError) -> [UInt8] {
    let range = try readRange(byteCount: byteCount)
    return Array(bytes[range])
  }

  /// - Throws: `corruption` if bytes are left over.
  package func expectEnd() throws(TallyError) {
    if !isAtEnd { throw corruption("\(remainingCount) bytes are left over, expected none") }
  }

  private mutating func readLittleEndian(byteCount: Int) throws(TallyError) -> UInt64 {
    guard byteCount <= remainingCount else { throw endOfBytes(byteCount) }
    var value: UInt64 = 0
    for index in 0..<byteCount {
      value |= UInt64(bytes[position &+ index]) &<< UInt64(index &* 8)
    }
    position &+= byteCount
    return value
  }

  private func endOfBytes(_ needed: Int) -> TallyError {
    corruption("it ends after \(remainingCount) more bytes, expected at least \(needed)")
  }
}
