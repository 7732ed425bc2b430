internal import CTallyKernels
import TallyBase

/// Unsigned integers, bit-packed in blocks of 1,024: the building block of most encodings.
///
/// Layout (`n` values are known from the context):
/// ```
/// per block: base varint; width u8 (0...64); exception count varint (0...rows);
///            if any exceptions: exception width u8 (1...64 - width)
/// per block: low bits, exception gaps (one byte each), exception high bits
/// ```
/// value = base + low bits + (high bits << width), modulo 2^64. A full block keeps its low bits
/// transposed (128 * width bytes; 32 lanes of 32 bits up to width 32, 16 lanes of 64 bits beyond),
/// a shorter one in sequence from bit 0 up (ceil(rows * width / 8) bytes). An exception lies
/// `gap` (1...255) rows after the one before, the first one counted from row -1; its high bits are
/// kept in sequence. High bits of zero bridge longer gaps.
struct PackedIntegers: Sendable {
  struct Block: Sendable {
    var base: UInt64
    var dataOffset: Int
    var gapOffset: Int
    var highOffset: Int
    var exceptionCount: Int
    var width: Int
    var exceptionWidth: Int
  }

  let bytes: [UInt8]
  let blocks: [Block]
  let count: Int
  /// One more than the greatest value that the widths admit; nil if it exceeds 32 bits.
  var upperBound: Int? {
    if !isNarrow { return nil }
    return blocks.reduce(0) {
      max($0, Int($1.base) + 1 << ($1.width + $1.exceptionWidth))
    }
  }

  /// Whether every value fits 32 bits.
  let isNarrow: Bool

  /// Reads `count` values' structure; the reader ends up behind the data.
  ///
  /// - Throws: `corruption`.
  init(_ reader: inout ByteReader, count: Int) throws(TallyError) {
    bytes = reader.bytes
    self.count = count
    var blocks: [Block] = []
    blocks.reserveCapacity(Blocks.count(rowCount: count))
    for block in 0..<Blocks.count(rowCount: count) {
      blocks.append(
        try PackedIntegers.readHeader(&reader, rows: Blocks.rowCount(block, of: count)))
    }
    for block in blocks.indices {
      let rows = Blocks.rowCount(block, of: count)
      try PackedIntegers.readData(&reader, &blocks[block], rows: rows)
    }
    self.blocks = blocks
    isNarrow = PackedIntegers.isNarrow(blocks)
  }

  /// What was packed in memory: all offsets lie within `bytes`, gaps within their blocks.
  init(bytes: [UInt8], blocks: [Block], count: Int) {
    self.bytes = bytes
    self.blocks = blocks
    self.count = count
    isNarrow = PackedIntegers.isNarrow(blocks)
  }

  private static func isNarrow(_ blocks: [Block]) -> Bool {
    blocks.allSatisfy {
      let bits = $0.width + $0.exceptionWidth
      return bits <= 32 && $0.base <= UInt64(UInt32.max) - ((1 << UInt64(bits)) - 1)
    }
  }

  /// Bytes that hold the values.
  var byteCount: Int { bytes.count }

  private static func readHeader(
    _ reader: inout ByteReader, rows: Int
  ) throws(TallyError) -> Block {
    let base = try reader.readVarint()
    let width = Int(try reader.readUInt8())
    guard width <= 64 else { throw reader.corruption("a bit width is \(width), expected 0...64") }
    let exceptionCount = try reader.readCount(upTo: rows, "an exception count")
    var exceptionWidth = 0
    if exceptionCount > 0 {
      exceptionWidth = Int(try reader.readUInt8())
      guard exceptionWidth >= 1, width + exceptionWidth <= 64 else {
        throw reader.corruption(
          "an exception width is \(exceptionWidth), expected 1...\(64 - width)")
      }
    }
    return Block(
      base: base, dataOffset: 0, gapOffset: 0, highOffset: 0, exceptionCount: exceptionCount,
      width: width, exceptionWidth: exceptionWidth)
  }

  private static func readData(
    _ reader: inout ByteReader, _ block: inout Block, rows: Int
  ) throws(TallyError) {
    let data = try reader.readRange(
      byteCount: PackedIntegers.dataByteCount(rows: rows, width: block.width))
    let gaps = try reader.readRange(byteCount: block.exceptionCount)
    let high = try reader.readRange(
      byteCount: (block.exceptionCount * block.exceptionWidth + 7) / 8)
    var position = -1
    for index in gaps {
      let gap = Int(reader.bytes[index])
      position += gap
      guard gap > 0, position < rows else {
        throw reader.corruption("an exception lies outside its block")
      }
    }
    block.dataOffset = data.lowerBound
    block.gapOffset = gaps.lowerBound
    block.highOffset = high.lowerBound
  }

  /// Bytes of the low bits of a block.
  static func dataByteCount(rows: Int, width: Int) -> Int {
    rows == Page.blockRowCount ? 128 * width : (rows * width + 7) / 8
  }

  /// Bytes of memory beside the page's.
  var heldByteCount: Int { blocks.count * MemoryLayout<Block>.stride }

  /// Writes the values of a block less its base; the block must fit 32 bits.
  ///
  /// - Parameter needed: rows of the block that the caller will look at; nil: all.
  func unpackRelative(
    block index: Int, needed: Range<Int>? = nil, into target: UnsafeMutablePointer<UInt32>
  ) {
    let block = blocks[index]
    let rows = Blocks.rowCount(index, of: count)
    unsafe bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      // SAFETY: `init` checked that low bits, gaps and high bits lie within `bytes` and that gaps
      // stay within the block; the target holds 1,024 entries.
      if rows == Page.blockRowCount, let needed, needed.count * 16 <= rows {
        unsafe unpackFew(needed, of: block, base, into: target)
      } else if rows == Page.blockRowCount {
        unsafe tally_unpack32(
          (base + block.dataOffset).assumingMemoryBound(to: UInt8.self), UInt32(block.width),
          target)
      } else {
        for row in needed ?? 0..<rows {
          unsafe target[row] = UInt32(
            truncatingIfNeeded: BitSequence.load(
              source, bit: block.dataOffset &* 8 &+ row &* block.width, width: block.width))
        }
      }
      guard block.exceptionCount > 0, block.exceptionWidth <= 32 else { return }
      let patches = unsafe base.assumingMemoryBound(to: UInt8.self)
      unsafe tally_patch32(
        patches + block.gapOffset, patches + block.highOffset, source.count - block.highOffset,
        block.exceptionCount, UInt32(block.exceptionWidth), UInt32(block.width), target)
    }
  }

  private func unpackFew(
    _ needed: Range<Int>, of block: Block, _ base: UnsafeRawPointer,
    into target: UnsafeMutablePointer<UInt32>
  ) {
    unsafe withUnsafeTemporaryAllocation(of: UInt16.self, capacity: needed.count) { rows in
      for (place, row) in needed.enumerated() {
        unsafe rows[place] = UInt16(truncatingIfNeeded: row)
      }
      // SAFETY: the rows are rows of a full block, whose bytes `init` checked.
      unsafe tally_unpack_rows32(
        (base + block.dataOffset).assumingMemoryBound(to: UInt8.self), UInt32(block.width),
        rows.baseAddress, needed.count, target)
    }
  }

  /// The same for some rows of the block; entries of others are unspecified.
  func unpackRelative(
    block index: Int, rows: UnsafeBufferPointer<UInt16>,
    into target: UnsafeMutablePointer<UInt32>
  ) {
    let block = blocks[index]
    unsafe bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      let data = unsafe base.assumingMemoryBound(to: UInt8.self)
      // SAFETY: as above; the rows are rows of the block.
      if Blocks.rowCount(index, of: count) == Page.blockRowCount {
        unsafe tally_unpack_rows32(
          data + block.dataOffset, UInt32(block.width), rows.baseAddress, rows.count, target)
      } else {
        for place in rows.indices {
          let row = unsafe Int(rows[place])
          unsafe target[row] = UInt32(
            truncatingIfNeeded: BitSequence.load(
              source, bit: block.dataOffset &* 8 &+ row &* block.width, width: block.width))
        }
      }
      guard block.exceptionCount > 0, block.exceptionWidth <= 32 else { return }
      unsafe tally_patch32(
        data + block.gapOffset, data + block.highOffset, source.count - block.highOffset,
        block.exceptionCount, UInt32(block.exceptionWidth), UInt32(block.width), target)
    }
  }

  /// The one value of all entries, when headers alone prove that there is only one.
  var uniformValue: UInt64? {
    guard let first = blocks.first?.base else { return nil }
    let isUniform = blocks.allSatisfy {
      $0.width == 0 && $0.exceptionCount == 0 && $0.base == first
    }
    return isUniform ? first : nil
  }

  /// Writes the values of a block; needs `isNarrow`. `needed` as for `unpackRelative`.
  func unpackNarrow(
    block index: Int, needed: Range<Int>? = nil, into target: UnsafeMutablePointer<UInt32>
  ) {
    unsafe unpackRelative(block: index, needed: needed, into: target)
    let rows = needed ?? 0..<Blocks.rowCount(index, of: count)
    guard blocks[index].base != 0 else { return }
    // SAFETY: the target holds 1,024 entries.
    unsafe tally_affine32(
      target + rows.lowerBound, rows.count, UInt32(truncatingIfNeeded: blocks[index].base), 1)
  }

  /// Writes the values of a block.
  func unpack(block index: Int, into target: UnsafeMutablePointer<UInt64>) {
    let block = blocks[index]
    let rows = Blocks.rowCount(index, of: count)
    unsafe bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      // SAFETY: as in `unpackRelative`.
      if rows == Page.blockRowCount {
        let data = unsafe (base + block.dataOffset).assumingMemoryBound(to: UInt8.self)
        unsafe PackedIntegers.unpackFullBlock(data, width: block.width, into: target)
      } else {
        for row in 0..<rows {
          unsafe target[row] = BitSequence.load(
            source, bit: block.dataOffset &* 8 &+ row &* block.width, width: block.width)
        }
      }
      var position = -1
      let shift = UInt64(block.width)
      for exception in 0..<block.exceptionCount {
        unsafe position &+= Int(source[block.gapOffset &+ exception])
        let high = unsafe BitSequence.load(
          source, bit: block.highOffset &* 8 &+ exception &* block.exceptionWidth,
          width: block.exceptionWidth)
        unsafe target[position] |= high << shift
      }
      unsafe tally_affine64(target, rows, block.base, 1)
    }
  }

  private static func unpackFullBlock(
    _ data: UnsafePointer<UInt8>, width: Int, into target: UnsafeMutablePointer<UInt64>
  ) {
    guard width <= 32 else {
      unsafe tally_unpack64(data, UInt32(width), target)
      return
    }
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Page.blockRowCount) { raw in
      guard let narrow = raw.baseAddress else { return }
      // SAFETY: both buffers hold 1,024 entries; `unpack32` writes all of them.
      unsafe tally_unpack32(data, UInt32(width), narrow)
      unsafe tally_widen(narrow, Page.blockRowCount, 0, 1, target)
    }
  }

  /// Every value, for the small tables that pages are opened with.
  func allValues() -> [UInt64] {
    var values = [UInt64](
      repeating: 0, count: blocks.count * Page.blockRowCount)
    unsafe values.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for block in blocks.indices {
        // SAFETY: the array holds 1,024 entries for every block.
        unsafe unpack(block: block, into: base + block * Page.blockRowCount)
      }
    }
    values.removeLast(values.count - count)
    return values
  }
}

/// Bits in sequence, least significant first.
enum BitSequence {
  /// Loads `width` (0...64) bits that lie wholly within `source`.
  @inline(__always)
  static func load(_ source: UnsafeRawBufferPointer, bit: Int, width: Int) -> UInt64 {
    if width == 0 { return 0 }
    let byte = bit >> 3
    let shift = UInt64(truncatingIfNeeded: bit & 7)
    var value: UInt64 = 0
    if byte &+ 8 <= source.count {
      // SAFETY: the eight bytes were just checked to exist.
      value = unsafe UInt64(
        littleEndian: source.loadUnaligned(fromByteOffset: byte, as: UInt64.self))
    } else {
      var index = byte
      while index < source.count {
        value |= unsafe UInt64(source[index]) &<< UInt64(truncatingIfNeeded: (index &- byte) &* 8)
        index &+= 1
      }
    }
    value &>>= shift
    if Int(truncatingIfNeeded: shift) &+ width > 64 {
      // SAFETY: a ninth byte is needed, so the caller's bits reach into it.
      value |= unsafe UInt64(source[byte &+ 8]) &<< (64 &- shift)
    }
    return value & (UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- width))
  }
}

/// Appends bits in sequence, least significant first.
struct BitSequenceWriter {
  private var pending: UInt64 = 0
  private var pendingBitCount: UInt64 = 0

  /// Appends the low `width` (0...64) bits of `value`.
  mutating func append(_ value: UInt64, width: Int, to writer: inout ByteWriter) {
    if width > 32 {
      append(value & 0xFFFF_FFFF, width: 32, to: &writer)
      append(value >> 32, width: width - 32, to: &writer)
      return
    }
    pending |= (value & ((1 << UInt64(width)) - 1)) << pendingBitCount
    pendingBitCount += UInt64(width)
    while pendingBitCount >= 8 {
      writer.append(UInt8(truncatingIfNeeded: pending))
      pending >>= 8
      pendingBitCount -= 8
    }
  }

  mutating func finish(_ writer: inout ByteWriter) {
    if pendingBitCount > 0 { writer.append(UInt8(truncatingIfNeeded: pending)) }
    pending = 0
    pendingBitCount = 0
  }
}
