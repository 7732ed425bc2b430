/// Appends little-endian numbers and bytes to an array.
package struct ByteWriter: Sendable {
  package var bytes: [UInt8] = []

  package init(reserving byteCount: Int = 0) {
    if byteCount > 0 { bytes.reserveCapacity(byteCount) }
  }

  package var count: Int { bytes.count }

  package mutating func append(_ value: UInt8) { bytes.append(value) }

  package mutating func append(_ value: UInt16) { appendLittleEndian(value) }
  package mutating func append(_ value: UInt32) { appendLittleEndian(value) }
  package mutating func append(_ value: UInt64) { appendLittleEndian(value) }
  package mutating func append(_ value: Int64) {
    appendLittleEndian(UInt64(bitPattern: value))
  }

  package mutating func append(contentsOf other: [UInt8]) { bytes.append(contentsOf: other) }
  package mutating func append(contentsOf other: ArraySlice<UInt8>) {
    bytes.append(contentsOf: other)
  }
  package mutating func append(contentsOf other: UnsafeBufferPointer<UInt8>) {
    unsafe bytes.append(contentsOf: other)
  }

  /// Seven bits a byte, least significant first, high bit set on all but the last.
  package mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// A count or length, which must not be negative.
  package mutating func appendVarint(_ value: Int) {
    precondition(value >= 0, "a count is negative")
    appendVarint(UInt64(value))
  }

  /// A signed number, zigzag coded so that small magnitudes stay short.
  package mutating func appendSignedVarint(_ value: Int64) {
    appendVarint(Zigzag.encode(value))
  }

  private mutating func appendLittleEndian<Number: FixedWidthInteger>(_ value: Number) {
    var rest = value
    for _ in 0..<Number.bitWidth / 8 {
      bytes.append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }
}

/// Signed numbers as unsigned ones: 0, -1, 1, -2 become 0, 1, 2, 3.
package enum Zigzag {
  package static func encode(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: (value << 1) ^ (value >> 63))
  }

  package static func decode(_ value: UInt64) -> Int64 {
    Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }
}
