internal import CTallyKernels
import TallyBase

/// Packs values that are computed when a page is loaded, block by block, for the cache.
struct BlockPacker {
  private let rowCount: Int
  private let divisor: UInt64
  /// The first value: what all blocks count from.
  private var base: UInt64?
  private var bytes: [UInt8] = []
  private var blocks: [PackedIntegers.Block] = []
  private var isExact = true

  /// - Parameter divisor: what may divide the differences of all values; at least 1.
  init(rowCount: Int, divisor: UInt64) {
    self.rowCount = rowCount
    self.divisor = divisor
    blocks.reserveCapacity(Blocks.count(rowCount: rowCount))
  }

  /// Packs the values of the next block, signed numbers by their bits.
  mutating func append(_ values: UnsafePointer<UInt64>, rows: Int) {
    guard isExact, rows > 0 else { return }
    // SAFETY: the caller's values are `rows`; scratch space holds what the kernels write at most.
    let base = base ?? (unsafe values[0])
    self.base = base
    let least = unsafe UInt64(bitPattern: tally_least64(values, rows))
    let offset = Int64(bitPattern: least &- base)
    guard let step = Int64(exactly: divisor), offset % step == 0 else {
      isExact = false
      return
    }
    let blockBase = UInt64(bitPattern: offset / step)
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Page.blockRowCount) {
      guard let raw = $0.baseAddress else { return }
      guard unsafe tally_quotients32(values, rows, least, divisor, raw) != 0 else {
        isExact = false
        return
      }
      if rows == Page.blockRowCount {
        unsafe packFull(raw, base: blockBase)
      } else {
        unsafe packShort(raw, rows: rows, base: blockBase)
      }
    }
  }

  /// The packed page; nil if a difference was no multiple of the divisor or a block's values do
  /// not fit 32 bits.
  ///
  /// - Parameter step: what the values given are to be multiplied by.
  func finish(step: Int64) -> BitPackedEncoding? {
    guard isExact, let base, let divisor = Int64(exactly: divisor) else { return nil }
    return BitPackedEncoding(
      header: AffineHeader(
        base: Int64(bitPattern: base) &* step, divisor: UInt64(bitPattern: divisor &* step)),
      packed: PackedIntegers(bytes: bytes, blocks: blocks, count: rowCount))
  }

  private mutating func packFull(_ raw: UnsafePointer<UInt32>, base: UInt64) {
    unsafe withUnsafeTemporaryAllocation(
      of: UInt8.self, capacity: Int(TALLY_PACKED_BYTES_MAX)
    ) { packed in
      guard let target = packed.baseAddress else { return }
      var shape: (UInt32, UInt32, UInt32) = (0, 0, 0)
      let byteCount = unsafe withUnsafeMutablePointer(to: &shape) {
        unsafe $0.withMemoryRebound(to: UInt32.self, capacity: 3) {
          // SAFETY: a full block has 1,024 entries, and `packed` room for all of its bytes.
          unsafe tally_pack_patched32(raw, target, $0)
        }
      }
      if bytes.isEmpty {
        // Blocks of a page are much alike; what is reserved in vain is never touched.
        bytes.reserveCapacity(byteCount * Blocks.count(rowCount: rowCount) * 9 / 8)
      }
      let start = bytes.count
      unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: target, count: byteCount))
      let (width, exceptionCount) = (Int(shape.0), Int(shape.1))
      let gapOffset = start + 128 * width
      blocks.append(
        PackedIntegers.Block(
          base: base, dataOffset: start, gapOffset: gapOffset,
          highOffset: gapOffset + exceptionCount, exceptionCount: exceptionCount, width: width,
          exceptionWidth: Int(shape.2)))
    }
  }

  private mutating func packShort(_ raw: UnsafePointer<UInt32>, rows: Int, base: UInt64) {
    var largest: UInt32 = 0
    // SAFETY: `rows` values.
    for row in 0..<rows { unsafe largest |= raw[row] }
    let width = 32 - largest.leadingZeroBitCount
    let start = bytes.count
    var writer = ByteWriter()
    var bits = BitSequenceWriter()
    for row in 0..<rows { unsafe bits.append(UInt64(raw[row]), width: width, to: &writer) }
    bits.finish(&writer)
    bytes += writer.bytes
    blocks.append(
      PackedIntegers.Block(
        base: base, dataOffset: start, gapOffset: bytes.count, highOffset: bytes.count,
        exceptionCount: 0, width: width, exceptionWidth: 0))
  }
}

extension BitPackedEncoding {
  /// Packs values of any size.
  ///
  /// - Throws: `internal`, if what was packed could not be read.
  init(wide values: [UInt64]) throws(TallyError) {
    var writer = ByteWriter()
    AffineHeader(base: 0, divisor: 1).append(to: &writer)
    PackedIntegers.encode(values, into: &writer)
    var reader = ByteReader(writer.bytes, subject: "packed values")
    try self.init(&reader, rowCount: values.count)
  }
}
