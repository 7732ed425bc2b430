internal import CTallyKernels
import TallyBase

/// Mostly one value: a bitmap of the rows that differ, and their values packed.
///
/// Layout: `AffineHeader`; common raw value varint; bitmap of ceil(rows / 64) 8-byte words, bit
/// i % 64 of word i / 64 set = row i differs; `PackedIntegers` of the differing raw values.
struct SparseEncoding: IntegerDecoder {
  private let header: AffineHeader
  private let common: UInt64
  private let words: [UInt64]
  /// Differing rows before each block, and in all.
  private let ranks: [Int32]
  private let packed: PackedIntegers
  private let rowCount: Int
  /// The value of all differing rows, when they have one.
  private let uniform: UInt32?

  init(_ reader: inout ByteReader, rowCount: Int) throws(TallyError) {
    header = try AffineHeader(&reader)
    common = try reader.readVarint()
    words = try Bitmap.read(&reader, bitCount: rowCount)
    var ranks: [Int32] = [0]
    var rank = 0
    for (index, word) in words.enumerated() {
      rank += word.nonzeroBitCount
      if index % Bitmap.wordsPerBlock == Bitmap.wordsPerBlock - 1 || index == words.count - 1 {
        ranks.append(Int32(rank))
      }
    }
    self.ranks = ranks
    self.rowCount = rowCount
    packed = try PackedIntegers(&reader, count: rank)
    try reader.expectEnd()
    uniform = packed.isNarrow ? packed.uniformValue.map { UInt32(truncatingIfNeeded: $0) } : nil
  }

  static func encode(
    _ raw: [UInt64], common: UInt64, header: AffineHeader, into writer: inout ByteWriter
  ) {
    header.append(to: &writer)
    writer.appendVarint(common)
    Bitmap.append(count: raw.count, to: &writer) { raw[$0] != common }
    PackedIntegers.encode(raw.filter { $0 != common }, into: &writer)
  }

  var heldByteCount: Int { packed.heldByteCount + words.count * 8 + ranks.count * 4 }

  func decodeNarrow(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Affine? {
    guard packed.isNarrow, common <= UInt64(UInt32.max) else { return nil }
    // SAFETY: the target holds 1,024 entries.
    unsafe target.update(
      repeating: UInt32(truncatingIfNeeded: common), count: Page.blockRowCount)
    unsafe placeExceptions(block: block, into: target)
    return header.affine()
  }

  func decodeNarrow(
    block: Int, rows: UnsafeBufferPointer<UInt16>, into target: UnsafeMutablePointer<UInt32>
  ) -> Affine? {
    guard packed.isNarrow, common <= UInt64(UInt32.max) else { return nil }
    let value = UInt32(truncatingIfNeeded: common)
    // SAFETY: the caller's rows lie within the block.
    for index in rows.indices { unsafe target[Int(rows[index])] = value }
    unsafe placeExceptions(block: block, into: target)
    return header.affine()
  }

  /// Writes the differing rows of a block. Needs narrow values.
  private func placeExceptions(block: Int, into target: UnsafeMutablePointer<UInt32>) {
    if let uniform { return unsafe mark(block: block, uniform, into: target) }
    // SAFETY: `exceptions` holds two blocks, enough for the 1,024 that one block can need
    // wherever they begin; `scatter` writes rows of the block only.
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 2 * Page.blockRowCount) {
      exceptions in
      guard let base = exceptions.baseAddress else { return }
      let blocks = packedBlocks(block)
      for index in blocks {
        unsafe packed.unpackNarrow(
          block: index, needed: neededRows(block, of: index),
          into: base + (index - blocks.lowerBound) * Page.blockRowCount)
      }
      unsafe scatter(block: block, base, into: target)
    }
  }

  var commonValue: Int64? { value(common) }

  private func value(_ raw: UInt64) -> Int64 {
    header.base &+ Int64(bitPattern: header.divisor &* raw)
  }

  func exceptions(passing accepts: (Int64) -> Bool) -> [UInt16] {
    let raws = packed.uniformValue == nil ? packed.allValues() : []
    var answers = SmallAnswers()
    return unsafe [UInt16](unsafeUninitializedCapacity: packed.count) { rows, kept in
      kept = 0
      var next = 0
      for (index, bits) in words.enumerated() {
        var word = bits
        while word != 0 {
          let raw = next < raws.count ? raws[next] : packed.uniformValue ?? 0
          let passes = answers.answer(raw) { accepts(value(raw)) }
          // SAFETY: there are as many rows as bits, and no more are kept.
          unsafe rows[kept] = UInt16(
            truncatingIfNeeded: index &* 64 &+ word.trailingZeroBitCount)
          kept &+= passes ? 1 : 0
          next &+= 1
          word &= word &- 1
        }
      }
    }
  }

  func sum(rows: Range<Int>) -> Int64? {
    let differing = rank(rows.lowerBound)..<rank(rows.upperBound)
    let raw = packed.sum(differing) &+ common &* UInt64(rows.count - differing.count)
    return header.base &* Int64(rows.count) &+ Int64(bitPattern: header.divisor &* raw)
  }

  /// Differing rows before a row of the page, or before its end.
  private func rank(_ row: Int) -> Int {
    if row == rowCount { return packed.count }
    let word = row / 64
    var rank = Int(ranks[row / Page.blockRowCount])
    for index in (row / Page.blockRowCount * Bitmap.wordsPerBlock)..<word {
      rank += words[index].nonzeroBitCount
    }
    return rank + (words[word] & ((1 &<< UInt64(row % 64)) - 1)).nonzeroBitCount
  }

  func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) {
    let rows = Blocks.rowCount(block, of: rowCount)
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Page.blockRowCount) { raw in
      guard let narrow = raw.baseAddress else { return }
      if let affine = unsafe decodeNarrow(block: block, into: narrow) {
        unsafe Widening.widen(narrow, count: rows, affine, into: target)
      } else {
        unsafe decodeWide(block: block, rows: rows, into: target)
      }
    }
  }

  private func decodeWide(block: Int, rows: Int, into target: UnsafeMutablePointer<Int64>) {
    // SAFETY: as above; Int64 and UInt64 have one layout.
    unsafe target.withMemoryRebound(to: UInt64.self, capacity: Page.blockRowCount) { values in
      unsafe values.update(repeating: common, count: Page.blockRowCount)
      unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * Page.blockRowCount) {
        exceptions in
        guard let base = exceptions.baseAddress else { return }
        let blocks = packedBlocks(block)
        for index in blocks {
          unsafe packed.unpack(
            block: index, into: base + (index - blocks.lowerBound) * Page.blockRowCount)
        }
        unsafe scatter(block: block, base, into: values)
      }
      unsafe tally_affine64(values, rows, UInt64(bitPattern: header.base), header.divisor)
    }
  }

  /// The packed blocks that hold a block's differing values.
  private func packedBlocks(_ block: Int) -> Range<Int> {
    let first = Int(ranks[block])
    let last = Int(ranks[block + 1])
    if first == last { return 0..<0 }
    return (first / Page.blockRowCount)..<((last - 1) / Page.blockRowCount + 1)
  }

  /// Writes one value to all differing rows of a block.
  private func mark(block: Int, _ value: UInt32, into target: UnsafeMutablePointer<UInt32>) {
    let start = block * Bitmap.wordsPerBlock
    let end = min(words.count, start + Bitmap.wordsPerBlock)
    unsafe words.withUnsafeBufferPointer { words in
      for index in start..<end {
        var word = unsafe words[index]
        let row = (index &- start) &* 64
        while word != 0 {
          // SAFETY: `init` checked that no bit lies beyond the last row.
          unsafe target[row &+ word.trailingZeroBitCount] = value
          word &= word &- 1
        }
      }
    }
  }

  /// The rows of a packed block that belong to `block`.
  private func neededRows(_ block: Int, of index: Int) -> Range<Int> {
    let start = index * Page.blockRowCount
    let first = max(0, Int(ranks[block]) - start)
    return first..<max(first, min(Page.blockRowCount, Int(ranks[block + 1]) - start))
  }

  @inline(__always)
  private func scatter<Number>(
    block: Int, _ exceptions: UnsafePointer<Number>, into target: UnsafeMutablePointer<Number>
  ) {
    var next = Int(ranks[block]) % Page.blockRowCount
    let start = block * Bitmap.wordsPerBlock
    let end = min(words.count, start + Bitmap.wordsPerBlock)
    for index in start..<end {
      var word = words[index]
      let row = (index &- start) &* 64
      while word != 0 {
        unsafe target[row &+ word.trailingZeroBitCount] = unsafe exceptions[next]
        next &+= 1
        word &= word &- 1
      }
    }
  }
}

/// What was found out about small numbers, so that it is found out once.
private struct SmallAnswers {
  private var known: UInt64 = 0
  private var isTrue: UInt64 = 0

  @inline(__always)
  mutating func answer(_ number: UInt64, _ ask: () -> Bool) -> Bool {
    guard number < 64 else { return ask() }
    let bit: UInt64 = 1 &<< number
    if known & bit == 0 {
      known |= bit
      if ask() { isTrue |= bit }
    }
    return isTrue & bit != 0
  }
}

/// Bits of rows, in 64-bit words.
enum Bitmap {
  static let wordsPerBlock = Page.blockRowCount / 64

  static func byteCount(bitCount: Int) -> Int { (bitCount + 63) / 64 * 8 }

  /// - Throws: `corruption`, also if a bit beyond the last row is set.
  static func read(_ reader: inout ByteReader, bitCount: Int) throws(TallyError) -> [UInt64] {
    var words: [UInt64] = []
    words.reserveCapacity((bitCount + 63) / 64)
    for _ in 0..<(bitCount + 63) / 64 { words.append(try reader.readUInt64()) }
    if bitCount % 64 != 0, let last = words.last, last >> UInt64(bitCount % 64) != 0 {
      throw reader.corruption("a bitmap has bits beyond row \(bitCount)")
    }
    return words
  }

  static func append(count: Int, to writer: inout ByteWriter, _ isSet: (Int) -> Bool) {
    var row = 0
    while row < count {
      var word: UInt64 = 0
      let bits = min(64, count - row)
      for bit in 0..<bits where isSet(row + bit) { word |= 1 << UInt64(bit) }
      writer.append(word)
      row += bits
    }
  }
}
