internal import CTallyKernels
import TallyBase

/// Frame of reference, common divisor taken out, bit-packed blocks with patched exceptions.
///
/// Layout: `AffineHeader`, then `PackedIntegers` of the raw values.
struct BitPackedEncoding: IntegerDecoder {
  private let header: AffineHeader
  private let packed: PackedIntegers

  init(_ reader: inout ByteReader, rowCount: Int) throws(TallyError) {
    header = try AffineHeader(&reader)
    packed = try PackedIntegers(&reader, count: rowCount)
    try reader.expectEnd()
  }

  init(header: AffineHeader, packed: PackedIntegers) {
    self.header = header
    self.packed = packed
  }

  /// Bytes of memory, those of the values among them.
  var wholeByteCount: Int { packed.byteCount + packed.heldByteCount }

  var knownBounds: ClosedRange<Int64>? {
    guard let bound = packed.upperBound, bound > 0 else { return nil }
    return header.bounds(rawMaximum: UInt64(bound - 1))
  }

  static func encode(
    _ raw: [UInt64], header: AffineHeader, plan: PackingPlan, into writer: inout ByteWriter
  ) {
    header.append(to: &writer)
    PackedIntegers.encode(raw, plan: plan, into: &writer)
  }

  var heldByteCount: Int { packed.heldByteCount }

  func decodeNarrow(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Affine? {
    guard packed.blocks[block].width + packed.blocks[block].exceptionWidth <= 32 else {
      return nil
    }
    unsafe packed.unpackRelative(block: block, into: target)
    return header.affine(offset: packed.blocks[block].base)
  }

  func decodeNarrow(
    block: Int, rows: UnsafeBufferPointer<UInt16>, into target: UnsafeMutablePointer<UInt32>
  ) -> Affine? {
    guard packed.blocks[block].width + packed.blocks[block].exceptionWidth <= 32 else {
      return nil
    }
    unsafe packed.unpackRelative(block: block, rows: rows, into: target)
    return header.affine(offset: packed.blocks[block].base)
  }

  func sum(rows: Range<Int>) -> Int64? {
    header.base &* Int64(rows.count)
      &+ Int64(bitPattern: header.divisor &* packed.sum(rows))
  }

  func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) {
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Page.blockRowCount) { raw in
      guard let narrow = raw.baseAddress else { return }
      if let affine = unsafe decodeNarrow(block: block, into: narrow) {
        unsafe Widening.widen(
          narrow, count: Blocks.rowCount(block, of: packed.count), affine, into: target)
      } else {
        unsafe Widening.decodeWide(packed, block: block, header, into: target)
      }
    }
  }
}

/// Raw values to 64-bit ones.
enum Widening {
  static func widen(
    _ raw: UnsafePointer<UInt32>, count: Int, _ affine: Affine,
    into target: UnsafeMutablePointer<Int64>
  ) {
    // SAFETY: both hold `count` entries; Int64 and UInt64 have one layout.
    unsafe target.withMemoryRebound(to: UInt64.self, capacity: count) {
      unsafe tally_widen(
        raw, count, UInt64(bitPattern: affine.base), UInt64(bitPattern: affine.scale), $0)
    }
  }

  static func decodeWide(
    _ packed: PackedIntegers, block: Int, _ header: AffineHeader,
    into target: UnsafeMutablePointer<Int64>
  ) {
    // SAFETY: the target holds 1,024 entries; Int64 and UInt64 have one layout.
    unsafe target.withMemoryRebound(to: UInt64.self, capacity: Page.blockRowCount) {
      unsafe packed.unpack(block: block, into: $0)
      unsafe tally_affine64(
        $0, Blocks.rowCount(block, of: packed.count), UInt64(bitPattern: header.base),
        header.divisor)
    }
  }
}
