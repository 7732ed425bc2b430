/// Eight bytes at a time: the loads and bit tricks that the scanners share. The first byte in
/// memory is the least significant one.

/// The eight bytes at `pointer`, which must all be readable.
@inline(__always)
func loadWord(_ pointer: UnsafePointer<UInt8>) -> UInt64 {
  // SAFETY: the caller vouches for eight bytes; the load is an unaligned one.
  unsafe UInt64(littleEndian: UnsafeRawPointer(pointer).loadUnaligned(as: UInt64.self))
}

/// A mask of the first `byteCount` bytes of a word, 0...8.
@inline(__always)
func lowBytesMask(_ byteCount: Int) -> UInt64 {
  byteCount == 0 ? 0 : UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- byteCount &* 8)
}

/// The high bit of every byte.
let highBits: UInt64 = 0x8080_8080_8080_8080
/// The low bit of every byte.
let lowBits: UInt64 = 0x0101_0101_0101_0101

/// High bits set at zero bytes. Exact for the first one, which is all that `trailingByteCount`
/// looks at; a byte above a hit may be flagged wrongly.
@inline(__always)
func zeroBytes(_ word: UInt64) -> UInt64 { (word &- lowBits) & ~word & highBits }

/// Bytes before the first flagged one; 8 if none is.
@inline(__always)
func trailingByteCount(_ flags: UInt64) -> Int { flags.trailingZeroBitCount &>> 3 }

/// High bits set at the bytes that are not ASCII digits. Exact for every byte.
@inline(__always)
func nonDigitBytes(_ word: UInt64) -> UInt64 {
  let shifted = word ^ 0x3030_3030_3030_3030
  return ((shifted & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7676_7676_7676_7676 | shifted) & highBits
}

/// The number that the first `count` (1...8) bytes of `word` spell; they must be digits.
///
/// Daniel Lemire, "Quickly parsing eight digits" (2018): neighbours are combined pairwise.
@inline(__always)
func digitsValue(_ word: UInt64, count: Int) -> UInt64 {
  let aligned = (word ^ 0x3030_3030_3030_3030) &<< UInt64(truncatingIfNeeded: 64 &- count &* 8)
  let pairs = aligned &* 10 &+ aligned &>> 8
  let low = (pairs & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
  let high = (pairs &>> 16 & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001
  return (low &+ high) &>> 32
}
