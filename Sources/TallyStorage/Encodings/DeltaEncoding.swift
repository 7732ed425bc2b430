internal import CTallyKernels
import TallyBase

/// Differences between neighbours, bit-packed; each block starts from a value of its own.
///
/// Layout: `AffineHeader`; bit count u8 (0...64); per block: first raw value varint; then
/// `PackedIntegers` of the differences of the raw values modulo 2^(bit count), the first of each
/// block unspecified. Differences wrap within as many bits as the raw values have, so that a jump
/// back (another org begins) is an exception of that size and not of 64 bits.
struct DeltaEncoding: IntegerDecoder {
  private let header: AffineHeader
  private let mask: UInt64
  private let firsts: [UInt64]
  private let packed: PackedIntegers

  init(_ reader: inout ByteReader, rowCount: Int) throws(TallyError) {
    header = try AffineHeader(&reader)
    let bitCount = try reader.readUInt8()
    guard bitCount <= 64 else {
      throw reader.corruption("a bit count is \(bitCount), expected 0...64")
    }
    mask = DeltaEncoding.mask(bitCount: Int(bitCount))
    var firsts: [UInt64] = []
    for _ in 0..<Blocks.count(rowCount: rowCount) { firsts.append(try reader.readVarint()) }
    self.firsts = firsts
    packed = try PackedIntegers(&reader, count: rowCount)
    try reader.expectEnd()
  }

  private static func mask(bitCount: Int) -> UInt64 {
    bitCount == 0 ? 0 : UInt64.max >> UInt64(64 - bitCount)
  }

  /// Differences of `raw`, as they are packed.
  static func differences(_ raw: [UInt64], maximum: UInt64) -> [UInt64] {
    let mask = mask(bitCount: 64 - maximum.leadingZeroBitCount)
    return unsafe [UInt64](unsafeUninitializedCapacity: raw.count) { target, count in
      unsafe raw.withUnsafeBufferPointer { source in
        for row in stride(from: 1, to: source.count, by: 1) {
          unsafe target[row] = (source[row] &- source[row &- 1]) & mask
        }
        // The first difference of a block is never used: the one after it packs as well.
        for row in stride(from: 0, to: source.count, by: Page.blockRowCount) {
          unsafe target[row] = row + 1 < source.count ? target[row + 1] : 0
        }
      }
      count = raw.count
    }
  }

  static func encode(
    _ raw: [UInt64], maximum: UInt64, header: AffineHeader, into writer: inout ByteWriter
  ) {
    header.append(to: &writer)
    writer.append(UInt8(64 - maximum.leadingZeroBitCount))
    for row in stride(from: 0, to: raw.count, by: Page.blockRowCount) {
      writer.appendVarint(raw[row])
    }
    PackedIntegers.encode(differences(raw, maximum: maximum), into: &writer)
  }

  var heldByteCount: Int { packed.heldByteCount + firsts.count * 8 }

  func decodeNarrow(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Affine? {
    let layout = packed.blocks[block]
    guard mask <= UInt64(UInt32.max), layout.width + layout.exceptionWidth <= 32 else {
      return nil
    }
    unsafe packed.unpackRelative(block: block, into: target)
    let step = UInt32(truncatingIfNeeded: layout.base)
    let first = UInt32(truncatingIfNeeded: firsts[block])
    // SAFETY: the target holds 1,024 entries, at least the first of them written.
    unsafe tally_prefix32(
      target, Blocks.rowCount(block, of: packed.count), first &- target[0] &- step, step,
      UInt32(truncatingIfNeeded: mask))
    return header.affine()
  }

  func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) {
    let rows = Blocks.rowCount(block, of: packed.count)
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Page.blockRowCount) { raw in
      guard let narrow = raw.baseAddress else { return }
      if let affine = unsafe decodeNarrow(block: block, into: narrow) {
        unsafe Widening.widen(narrow, count: rows, affine, into: target)
        return
      }
      // SAFETY: the target holds 1,024 entries; Int64 and UInt64 have one layout.
      unsafe target.withMemoryRebound(to: UInt64.self, capacity: Page.blockRowCount) { values in
        unsafe packed.unpack(block: block, into: values)
        unsafe tally_prefix64(values, rows, firsts[block] &- values[0], 0, mask)
        unsafe tally_affine64(values, rows, UInt64(bitPattern: header.base), header.divisor)
      }
    }
  }
}
