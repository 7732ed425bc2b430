/// Which fingerprints may be in a set: all that are, and few others. A blocked Bloom filter: a
/// fingerprint has one bit in each of the eight words of one block, so that it is looked up with
/// one access to memory.
struct BloomFilter: Sendable {
  /// Bits of a fingerprint that count, its most significant ones: what indexes of many sizes keep.
  static let prefixBitCount = 40

  private static let wordsABlock = 8
  /// Keeps the product that finds a block within 64 bits.
  private static let blockCountMax = 1 << 23
  /// Odd numbers of which nothing else is asked than that they differ in all places.
  private static let multipliers: [8 of UInt32] = [
    0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F, 0x1656_67B1, 0xD3A2_646D, 0xFD70_46C5,
    0xB55A_4F09,
  ]

  private var words: [UInt32]
  private let blockCount: Int
  private var setBitCount = 0

  /// Of about `byteCount` bytes.
  init(byteCount: Int) {
    blockCount = min(
      max(1, byteCount / (4 * BloomFilter.wordsABlock)), BloomFilter.blockCountMax)
    words = [UInt32](repeating: 0, count: blockCount * BloomFilter.wordsABlock)
  }

  var byteCount: Int { words.count * 4 }

  /// Whether more fingerprints would make it much less selective.
  var isFull: Bool { setBitCount > words.count * 16 }

  /// Different fingerprints that are in it, about; fewer when it is full.
  var count: Int { setBitCount / BloomFilter.wordsABlock }

  @inline(__always)
  private func place(_ fingerprint: UInt64) -> (first: Int, hash: UInt32) {
    let prefix = fingerprint >> UInt64(64 - BloomFilter.prefixBitCount)
    let block = (prefix &* UInt64(blockCount)) >> UInt64(BloomFilter.prefixBitCount)
    return (Int(block) * BloomFilter.wordsABlock, UInt32(truncatingIfNeeded: prefix))
  }

  mutating func insert(_ fingerprint: UInt64) {
    let (first, hash) = place(fingerprint)
    for lane in 0..<BloomFilter.wordsABlock {
      let bit: UInt32 = 1 << ((hash &* BloomFilter.multipliers[lane]) >> 27)
      if words[first + lane] & bit == 0 { setBitCount += 1 }
      words[first + lane] |= bit
    }
  }

  func mayContain(_ fingerprint: UInt64) -> Bool {
    let (first, hash) = place(fingerprint)
    var missing: UInt32 = 0
    for lane in 0..<BloomFilter.wordsABlock {
      let bit: UInt32 = 1 << ((hash &* BloomFilter.multipliers[lane]) >> 27)
      missing |= ~words[first + lane] & bit
    }
    return missing == 0
  }
}
