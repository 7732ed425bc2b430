package import TallyBase

/// The encoded values of up to `rowCountMax` rows of one column: checksum verified, zstd taken
/// off, structure validated, ready to be scanned. Immutable and shared between threads.
///
/// Rows are addressed in blocks of 1,024; only the last block of a page may be shorter. After a
/// successful `init` no decode call can fail or trap. Targets of decode calls have room for
/// `blockRowCount` entries, however few rows the block has; entries beyond the block's rows are
/// unspecified. A block that does not exist has no rows and writes nothing.
package final class Page: Sendable {
  package static let blockRowCount = 1_024
  /// 30 blocks; four pages make a full row group.
  package static let rowCountMax = 30 * blockRowCount

  package let rowCount: Int
  package let encoding: PageEncoding
  package let nullCount: Int
  /// Memory held, for the cache's budget.
  package let byteCount: Int

  /// One bit a row, set = present; empty when all or none are.
  let validity: [UInt64]
  let integers: any IntegerDecoder
  let text: TextEncoding?

  /// Validates encoded bytes, zstd already taken off.
  ///
  /// Layout: the validity bitmap (`Bitmap`) if some rows are NULL and some are not, then the
  /// encoding's own bytes.
  ///
  /// - Parameters:
  ///   - shape: what the page directory says of the page.
  ///   - resolve: the page of the same rows of another column, by column id; asked for by `mapped`
  ///     pages.
  /// - Throws: `corruption`, or what `resolve` throws.
  package init(
    encoded bytes: [UInt8], shape: PageShape, subject: String = "page",
    resolve: (Int) throws(TallyError) -> Page
  ) throws(TallyError) {
    rowCount = shape.rowCount
    nullCount = shape.nullCount
    encoding = shape.encoding
    var reader = ByteReader(bytes, subject: subject)
    guard rowCount >= 1, rowCount <= Page.rowCountMax, nullCount >= 0, nullCount <= rowCount else {
      throw reader.corruption("it has \(rowCount) rows, \(nullCount) of them NULL")
    }
    if nullCount > 0, nullCount < rowCount {
      validity = try Bitmap.read(&reader, bitCount: rowCount)
      let presentCount = validity.reduce(0) { $0 + $1.nonzeroBitCount }
      guard presentCount == rowCount - nullCount else {
        throw reader.corruption(
          "\(presentCount) rows are present, expected \(rowCount - nullCount)")
      }
    } else {
      validity = []
    }
    if shape.isText {
      let decoder = try TextEncoding(&reader, rowCount: rowCount, encoding: encoding)
      text = decoder
      integers = ConstantEncoding(value: 0)
      byteCount = bytes.count + validity.count * 8 + decoder.heldByteCount + 200
    } else if encoding == .linear {
      let decoder = try LinearEncoding.decode(&reader, rowCount: rowCount, resolve: resolve)
      integers = decoder
      text = nil
      byteCount = validity.count * 8 + decoder.wholeByteCount + 200
    } else {
      let decoder = try Page.decoder(&reader, shape, resolve)
      integers = decoder
      text = nil
      byteCount = bytes.count + validity.count * 8 + decoder.heldByteCount + 200
    }
    if let bounds = shape.bounds { try checkBounds(bounds, reader) }
  }

  private static func decoder(
    _ reader: inout ByteReader, _ shape: PageShape, _ resolve: (Int) throws(TallyError) -> Page
  ) throws(TallyError) -> any IntegerDecoder {
    let rowCount = shape.rowCount
    return switch shape.encoding {
    case .constant: try ConstantEncoding(&reader)
    case .runLength: try RunLengthEncoding(&reader, rowCount: rowCount)
    case .bitPacked: try BitPackedEncoding(&reader, rowCount: rowCount)
    case .delta: try DeltaEncoding(&reader, rowCount: rowCount)
    case .dictionary: try DictionaryEncoding(&reader, rowCount: rowCount)
    case .sparse: try SparseEncoding(&reader, rowCount: rowCount)
    case .bytePlanes: try BytePlanesEncoding(&reader, rowCount: rowCount)
    case .plain: try PlainEncoding(&reader, rowCount: rowCount)
    case .mapped: try MappedEncoding(&reader, rowCount: rowCount, resolve: resolve)
    case .linear: try LinearEncoding.decode(&reader, rowCount: rowCount, resolve: resolve)
    }
  }

  /// Codes index tables that others hold: none may lie outside what the directory promises.
  private func checkBounds(
    _ bounds: ClosedRange<Int64>, _ reader: ByteReader
  ) throws(TallyError) {
    if text == nil, let known = integers.knownBounds, bounds.lowerBound <= known.lowerBound,
      bounds.upperBound >= known.upperBound
    {
      return
    }
    var minimum = Int64.max
    var maximum = Int64.min
    if let value = constantValue {
      (minimum, maximum) = (value, value)
    } else {
      unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: Page.blockRowCount) {
        buffer in
        guard let values = buffer.baseAddress else { return }
        for block in 0..<blockCount {
          for row in 0..<(unsafe decodeInt64(block: block, into: values)) {
            // SAFETY: decoding has just written the block's rows.
            unsafe minimum = min(minimum, values[row])
            unsafe maximum = max(maximum, values[row])
          }
        }
      }
    }
    guard bounds.contains(minimum), bounds.contains(maximum) else {
      throw reader.corruption(
        "values lie in \(minimum)...\(maximum), expected \(bounds.lowerBound)"
          + "...\(bounds.upperBound)")
    }
  }

  /// Number of blocks, the last one possibly short.
  package var blockCount: Int { Blocks.count(rowCount: rowCount) }

  /// Rows of a block; 0 if there is no such block.
  package func rowCount(block: Int) -> Int {
    guard block >= 0, block < blockCount else { return 0 }
    return Blocks.rowCount(block, of: rowCount)
  }

  /// Writes the block's values of an int64-backed column (also `bool` as 0/1 and `symbol` as
  /// segment-local codes). Entries of NULL rows are unspecified. Returns the number written.
  package func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) -> Int {
    let rows = rowCount(block: block)
    if rows > 0 { unsafe integers.decodeInt64(block: block, into: target) }
    return rows
  }

  /// The same in 32 bits: value i is `base + scale * target[i]`, computed modulo 2^64. Nil (what
  /// was written is unspecified) when the block does not fit that form; then `decodeInt64` does.
  package func decodeNarrow(
    block: Int, into target: UnsafeMutablePointer<UInt32>
  ) -> Affine? {
    guard rowCount(block: block) > 0 else { return nil }
    return unsafe integers.decodeNarrow(block: block, into: target)
  }

  /// Segment-local codes of a symbol column, or 0/1 of a bool column.
  package func decodeCodes(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Int {
    let rows = rowCount(block: block)
    if rows == 0 { return 0 }
    if let affine = unsafe integers.decodeNarrow(block: block, into: target) {
      unsafe Codes.apply(affine, to: target, count: rows)
      return rows
    }
    unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: Page.blockRowCount) { wide in
      guard let values = wide.baseAddress else { return }
      unsafe integers.decodeInt64(block: block, into: values)
      for row in 0..<rows {
        // SAFETY: decoding has just written the block's rows.
        unsafe target[row] = UInt32(truncatingIfNeeded: values[row])
      }
    }
    return rows
  }

  package func decodeDouble(block: Int, into target: UnsafeMutablePointer<Double>) -> Int {
    // SAFETY: Int64 and Double have one size and alignment; doubles are stored by their bits.
    unsafe UnsafeMutableRawPointer(target).withMemoryRebound(
      to: Int64.self, capacity: Page.blockRowCount
    ) { unsafe decodeInt64(block: block, into: $0) }
  }

  /// Calls `body` with the bytes of each row of a text column in the block; NULL rows give nil.
  /// `row` counts from the block's first.
  package func forEachText(
    block: Int, _ body: (_ row: Int, _ bytes: UnsafeBufferPointer<UInt8>?) -> Void
  ) {
    let rows = rowCount(block: block)
    let first = block * Page.blockRowCount
    guard rows > 0, let text else { return }
    if nullCount == rowCount {
      for row in 0..<rows { body(row, nil) }
      return
    }
    unsafe text.forEach(first..<(first + rows)) { row, bytes in
      let isPresent = validity.isEmpty || validity[row / 64] >> UInt64(row % 64) & 1 == 1
      unsafe body(row - first, isPresent ? bytes : nil)
    }
  }

  /// Writes the block's validity, bit i of word i / 64 set = present; 16 words. Returns the number
  /// of NULLs in the block. Symbol pages have none: code 0 is NULL.
  package func decodeValidity(block: Int, into words: UnsafeMutablePointer<UInt64>) -> Int {
    let rows = rowCount(block: block)
    guard rows > 0 else { return 0 }
    let wordCount = (rows + 63) / 64
    var presentCount = 0
    for index in 0..<Bitmap.wordsPerBlock {
      var word: UInt64 = 0
      if index < wordCount, nullCount < rowCount {
        if validity.isEmpty {
          let bits = min(64, rows - index * 64)
          word = UInt64.max >> UInt64(64 - bits)
        } else {
          word = validity[block * Bitmap.wordsPerBlock + index]
        }
      }
      presentCount += word.nonzeroBitCount
      // SAFETY: the target holds 16 words.
      unsafe words[index] = word
    }
    return rows - presentCount
  }

  /// The one value of every row of the page (bits of it, for doubles), when the encoding says so.
  /// With NULLs in the page it is the value of the rows that are not NULL.
  package var constantValue: Int64? { text == nil ? integers.constantValue : nil }

  /// Ends (exclusive, ascending, last one `rowCount`) and values of runs, when the page is
  /// run-length encoded; nil otherwise.
  package var runs: (ends: [Int32], values: [Int64])? { integers.runs }
}

/// What the page directory says of a page, and what its column is.
package struct PageShape: Hashable, Sendable {
  package var rowCount: Int
  package var nullCount: Int
  package var encoding: PageEncoding
  package var isText: Bool
  /// Checked against every value where given; symbols and bools need it.
  package var bounds: ClosedRange<Int64>?

  package init(
    rowCount: Int, nullCount: Int, encoding: PageEncoding, isText: Bool,
    bounds: ClosedRange<Int64>? = nil
  ) {
    self.rowCount = rowCount
    self.nullCount = nullCount
    self.encoding = encoding
    self.isText = isText
    self.bounds = bounds
  }
}

/// `value = base + scale * raw`
package struct Affine: Hashable, Sendable {
  package var base: Int64
  package var scale: Int64

  package init(base: Int64, scale: Int64) {
    self.base = base
    self.scale = scale
  }
}
