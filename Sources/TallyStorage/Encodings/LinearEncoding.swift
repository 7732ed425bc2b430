internal import CTallyKernels
import TallyBase

/// A linear function of other columns, by group, and what is left over.
///
/// Layout: term count varint (1...8); ids of the terms' columns ascending, less the one before,
/// varint; scale varint; id of the group's column + 1 (0: none) varint; price row count varint;
/// per price row, per term: price less that of the row before, signed varint; with a group: code
/// count varint, price rows of each code varint; nested page of choices among a code's price rows;
/// nested page of residuals.
///
/// Values are computed once, when the page is loaded, and held bit packed: scans never pay.
struct LinearEncoding {
  private let function: LinearFunction
  private let terms: [Page]
  private let group: Page?
  private let choices: Page
  private let residuals: Page
  private let rowCount: Int

  /// - Parameter resolve: the page with the same rows of another column.
  /// - Returns: the values, bit packed in memory.
  static func decode(
    _ reader: inout ByteReader, rowCount: Int, resolve: (Int) throws(TallyError) -> Page
  ) throws(TallyError) -> BitPackedEncoding {
    let function = try LinearFunction(&reader)
    let choices = try NestedPage.read(&reader, rowCount: rowCount)
    let residuals = try NestedPage.read(&reader, rowCount: rowCount)
    try reader.expectEnd()
    var terms: [Page] = []
    for column in function.terms {
      terms.append(try referred(column, rowCount, reader, resolve))
    }
    let group = try function.groupColumnID.map { column throws(TallyError) in
      try referred(column, rowCount, reader, resolve)
    }
    let encoding = LinearEncoding(
      function: function, terms: terms, group: group, choices: choices, residuals: residuals,
      rowCount: rowCount)
    return try encoding.packed()
  }

  private static func referred(
    _ column: Int, _ rowCount: Int, _ reader: ByteReader,
    _ resolve: (Int) throws(TallyError) -> Page
  ) throws(TallyError) -> Page {
    let page = try resolve(column)
    guard page.rowCount == rowCount, page.encoding != .linear, page.text == nil else {
      throw reader.corruption("it refers to column \(column), whose page does not fit")
    }
    return page
  }

  static func encode(
    _ function: LinearFunction, choices: EncodedPage, residuals: EncodedPage,
    into writer: inout ByteWriter
  ) {
    function.append(to: &writer)
    NestedPage.append(choices, to: &writer)
    NestedPage.append(residuals, to: &writer)
  }

  // MARK: Computing

  /// Scratch space of one page, each part a block: raw values of the terms, price rows, choices;
  /// sums, residuals, and wide values of a term.
  @unsafe private struct Scratch {
    let terms: UnsafeMutablePointer<UInt32>
    let rows: UnsafeMutablePointer<UInt32>
    let choices: UnsafeMutablePointer<UInt32>
    let sums: UnsafeMutablePointer<UInt64>
    let residuals: UnsafeMutablePointer<Int64>
    let wide: UnsafeMutablePointer<Int64>
  }

  private func packed() throws(TallyError) -> BitPackedEncoding {
    // Without residuals values are multiples of what divides the prices, and are computed divided.
    // With them they may be; packing finds out.
    if function.divisor > 1, residuals.constantValue == 0,
      let step = Int64(exactly: function.divisor),
      let packed = pack(step: step, divisor: 1)
    {
      return packed
    }
    if let packed = pack(step: 1, divisor: likelyDivisor()) ?? pack(step: 1, divisor: 1) {
      return packed
    }
    var values: [UInt64] = []
    values.reserveCapacity(rowCount)
    unsafe forEachBlock(step: 1) { sums, count in
      unsafe values.append(contentsOf: UnsafeBufferPointer(start: sums, count: count))
    }
    return try BitPackedEncoding(wide: values)
  }

  /// What divides all values if residuals are alike modulo their scale.
  private func likelyDivisor() -> UInt64 {
    guard function.divisor > 1, residuals.constantValue == nil else { return function.divisor }
    let scale = unsafe withScratch { scratch in
      unsafe residuals.decodeNarrow(block: 0, into: scratch.rows)?.scale ?? 1
    }
    return IntegerAnalysis.greatestCommonDivisor(function.divisor, (scale ?? 1).magnitude)
  }

  /// Packs values divided by `step`.
  private func pack(step: Int64, divisor: UInt64) -> BitPackedEncoding? {
    var packer = BlockPacker(rowCount: rowCount, divisor: divisor)
    unsafe forEachBlock(step: step) { sums, count in unsafe packer.append(sums, rows: count) }
    return packer.finish(step: step)
  }

  private func withScratch<Result>(_ body: (Scratch) -> Result) -> Result? {
    let size = Page.blockRowCount
    return unsafe withUnsafeTemporaryAllocation(
      of: UInt32.self, capacity: (terms.count + 2) * size
    ) { narrow in
      unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 3 * size) { wide in
        guard let narrow = narrow.baseAddress, let wide = wide.baseAddress else { return nil }
        // SAFETY: parts lie side by side within both allocations; Int64 and UInt64 have one layout.
        let signed = unsafe UnsafeMutableRawPointer(wide).assumingMemoryBound(to: Int64.self)
        return unsafe body(
          Scratch(
            terms: narrow, rows: narrow + terms.count * size,
            choices: narrow + (terms.count + 1) * size, sums: wide, residuals: signed + size,
            wide: signed + 2 * size))
      }
    }
  }

  /// Calls `body` with the values of each block, divided by `step`.
  private func forEachBlock(
    step: Int64, _ body: (_ values: UnsafePointer<UInt64>, _ count: Int) -> Void
  ) {
    // With one price row a code, codes themselves select them.
    let isDirect = group != nil && choices.constantValue == 0
    let rows = isDirect ? function.rowsByCode : Array(0..<function.priceRowCount)
    _ = unsafe withScratch { scratch in
      var table: (terms: [Affine], prices: [UInt64]) = ([], [])
      for block in 0..<Blocks.count(rowCount: rowCount) {
        let count = Blocks.rowCount(block, of: rowCount)
        unsafe decodeRows(block, count, isDirect: isDirect, scratch)
        if let affines = unsafe decodeTerms(block, scratch) {
          if affines != table.terms {
            table = (affines, function.stepPrices(affines, rows: rows, divisor: step))
          }
          unsafe sum(table.prices, last: rows.count - 1, count, scratch)
        } else {
          unsafe sumWide(block, count, rows, step: step, scratch)
        }
        unsafe addResiduals(block, count, scratch)
        unsafe body(scratch.sums, count)
      }
    }
  }

  /// Raw values of the terms of a block; nil if one does not fit 32 bits or has NULLs.
  private func decodeTerms(_ block: Int, _ scratch: Scratch) -> [Affine]? {
    var affines: [Affine] = []
    for (index, page) in terms.enumerated() {
      guard page.nullCount == 0,
        let affine = unsafe page.decodeNarrow(
          block: block, into: scratch.terms + index * Page.blockRowCount)
      else { return nil }
      affines.append(affine)
    }
    return affines
  }

  private func sum(_ prices: [UInt64], last: Int, _ count: Int, _ scratch: Scratch) {
    var columns: [UnsafePointer<UInt32>?] = unsafe []
    for index in terms.indices {
      unsafe columns.append(UnsafePointer(scratch.terms + index * Page.blockRowCount))
    }
    unsafe columns.withUnsafeBufferPointer { columns in
      unsafe prices.withUnsafeBufferPointer { prices in
        guard let columns = columns.baseAddress, let prices = prices.baseAddress else { return }
        // SAFETY: terms and sums hold a block; the table has an entry for each term of each price
        // row and one more, and the kernel cuts rows to it.
        unsafe tally_linear_sums(
          columns, UInt32(truncatingIfNeeded: terms.count), prices,
          UInt32(truncatingIfNeeded: last), scratch.rows, count, scratch.sums)
      }
    }
    if function.scale > 1 { unsafe tally_round_half_even(scratch.sums, count, function.scale) }
  }

  /// The same where values need 64 bits or are NULL, which counts as 0.
  private func sumWide(
    _ block: Int, _ count: Int, _ rows: [Int], step: Int64, _ scratch: Scratch
  ) {
    unsafe scratch.sums.update(repeating: 0, count: count)
    let last = UInt32(truncatingIfNeeded: rows.count - 1)
    for (page, column) in zip(terms, function.prices) {
      let prices = rows.map { column[$0] / step }
      _ = unsafe page.decodeInt64(block: block, into: scratch.wide)
      if page.nullCount > 0 {
        for row in 0..<count where !page.isPresent(block * Page.blockRowCount + row) {
          // SAFETY: the block's rows lie within the scratch space.
          unsafe scratch.wide[row] = 0
        }
      }
      unsafe prices.withUnsafeBytes {
        guard let base = $0.baseAddress else { return }
        // SAFETY: the table has an entry for each price row; Int64 and UInt64 have one layout.
        unsafe tally_linear_term(
          UnsafeRawPointer(scratch.wide).assumingMemoryBound(to: UInt64.self),
          base.assumingMemoryBound(to: UInt64.self), last, scratch.rows, count, scratch.sums)
      }
    }
    if function.scale > 1 { unsafe tally_round_half_even(scratch.sums, count, function.scale) }
  }

  /// The price row of each row, or its code.
  private func decodeRows(_ block: Int, _ count: Int, isDirect: Bool, _ scratch: Scratch) {
    guard function.priceRowCount > 1 else {
      unsafe scratch.rows.update(repeating: 0, count: count)
      return
    }
    guard let group else {
      unsafe scratch.rows.update(repeating: 0, count: count)
      return unsafe addChoices(block, count, scratch)
    }
    _ = unsafe group.decodeCodes(block: block, into: scratch.rows)
    if isDirect { return }
    unsafe function.firstRows.withUnsafeBufferPointer {
      guard let first = $0.baseAddress else { return }
      // SAFETY: the kernel cuts codes to the table's last entry.
      unsafe tally_gather32(
        first, UInt32(truncatingIfNeeded: $0.count - 1), scratch.rows, count)
    }
    unsafe addChoices(block, count, scratch)
  }

  private func addChoices(_ block: Int, _ count: Int, _ scratch: Scratch) {
    if choices.constantValue == 0 { return }
    _ = unsafe choices.decodeCodes(block: block, into: scratch.choices)
    for row in 0..<count {
      // SAFETY: the block's rows lie within the scratch space.
      let (sum, overflow) = unsafe scratch.rows[row].addingReportingOverflow(scratch.choices[row])
      unsafe scratch.rows[row] = overflow ? UInt32.max : sum
    }
  }

  private func addResiduals(_ block: Int, _ count: Int, _ scratch: Scratch) {
    if let constant = residuals.constantValue {
      unsafe tally_affine64(scratch.sums, count, UInt64(bitPattern: constant), 1)
      return
    }
    _ = unsafe residuals.decodeInt64(block: block, into: scratch.residuals)
    for row in 0..<count {
      // SAFETY: the block's rows lie within the scratch space.
      unsafe scratch.sums[row] &+= UInt64(bitPattern: scratch.residuals[row])
    }
  }
}

extension LinearFunction {
  init(_ reader: inout ByteReader) throws(TallyError) {
    let termCount = try reader.readCount(upTo: LinearFunction.termCountMax, "a term count")
    guard termCount > 0 else { throw reader.corruption("a function has no terms") }
    terms = []
    for _ in 0..<termCount {
      let before = terms.last ?? 0
      let step = try reader.readCount(upTo: Schema.columnCountMax - 1 - before, "a column id")
      guard terms.isEmpty || step > 0 else { throw reader.corruption("a term is there twice") }
      terms.append(before + step)
    }
    scale = try reader.readVarint()
    guard scale >= 1, scale <= LinearFunction.scaleMax else {
      throw reader.corruption("a scale is \(scale), expected 1...\(LinearFunction.scaleMax)")
    }
    let group = try reader.readCount(upTo: Schema.columnCountMax, "a column id")
    groupColumnID = group == 0 ? nil : group - 1
    let rowCount = try reader.readCount(
      upTo: LinearFunction.priceRowCountMax, "a price row count")
    guard rowCount > 0 else { throw reader.corruption("a function has no price rows") }
    prices = [[Int64]](repeating: [], count: termCount)
    var row = [Int64](repeating: 0, count: termCount)
    for _ in 0..<rowCount {
      for index in 0..<termCount {
        row[index] &+= try reader.readSignedVarint()
        prices[index].append(row[index])
      }
    }
    firstRows = [0]
    if groupColumnID != nil { firstRows = try LinearFunction.readFirstRows(&reader, rowCount) }
  }

  private static func readFirstRows(
    _ reader: inout ByteReader, _ rowCount: Int
  ) throws(TallyError) -> [UInt32] {
    let codeCount = try reader.readCount(
      upTo: Schema.dictionaryEntryCountMax + 1, "a code count")
    guard codeCount > 0 else { throw reader.corruption("a function has a group without codes") }
    var firstRows: [UInt32] = []
    var next = 0
    for _ in 0..<codeCount {
      firstRows.append(UInt32(truncatingIfNeeded: next))
      next += try reader.readCount(upTo: rowCount - next, "a price row count")
    }
    return firstRows
  }

  func append(to writer: inout ByteWriter) {
    writer.appendVarint(terms.count)
    var before = 0
    for term in terms {
      writer.appendVarint(term - before)
      before = term
    }
    writer.appendVarint(scale)
    writer.appendVarint(groupColumnID.map { $0 + 1 } ?? 0)
    writer.appendVarint(priceRowCount)
    var row = [Int64](repeating: 0, count: terms.count)
    for index in 0..<priceRowCount {
      for term in terms.indices {
        writer.appendSignedVarint(prices[term][index] &- row[term])
        row[term] = prices[term][index]
      }
    }
    guard groupColumnID != nil else { return }
    writer.appendVarint(firstRows.count)
    for (code, first) in firstRows.enumerated() {
      let end = code + 1 < firstRows.count ? Int(firstRows[code + 1]) : priceRowCount
      writer.appendVarint(end - Int(first))
    }
  }
}

/// A page of integers within a page.
///
/// Layout: encoding u8, high bit set = zstd; byte count stored varint; byte count after zstd is
/// taken off varint, only with zstd; bytes. Neither mapped nor linear.
enum NestedPage {
  static func append(_ page: EncodedPage, to writer: inout ByteWriter) {
    writer.append(page.encoding.rawValue | (page.isCompressed ? 0x80 : 0))
    writer.appendVarint(page.stored.count)
    if page.isCompressed { writer.appendVarint(page.encodedByteCount) }
    writer.append(contentsOf: page.stored)
  }

  /// - Throws: `corruption`, `version`.
  static func read(_ reader: inout ByteReader, rowCount: Int) throws(TallyError) -> Page {
    let number = try reader.readUInt8()
    guard let encoding = PageEncoding(rawValue: number & 0x7F) else {
      throw TallyError(
        .version, "a nested page has encoding \(number & 0x7F), which this build does not know",
        hint: "use a newer build of Tally")
    }
    guard encoding != .mapped, encoding != .linear else {
      throw reader.corruption("a nested page is a function of other columns")
    }
    let stored = try reader.readCount(upTo: SegmentFormat.byteCountMax, "a nested page's length")
    var bytes: [UInt8]
    if number >= 0x80 {
      // Not more than the largest form of the most rows: 8 bytes each and block headers.
      let encoded = try reader.readCount(upTo: rowCount * 32 + 65_536, "a nested page's length")
      bytes = try ZstdCodec.decompress(
        try reader.readBytes(byteCount: stored), byteCount: encoded, subject: reader.subject)
    } else {
      bytes = try reader.readBytes(byteCount: stored)
    }
    return try Page(
      encoded: bytes,
      shape: PageShape(rowCount: rowCount, nullCount: 0, encoding: encoding, isText: false),
      subject: reader.subject
    ) { (_) throws(TallyError) in
      throw TallyError(.corruption, "a nested page refers to another column")
    }
  }
}
