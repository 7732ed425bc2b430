import TallyBase

/// Rows of a segment that is there, read from its pages.
struct RollupPageRows: RollupRows {
  let footer: SegmentFooter
  private let reader: SegmentReader

  init(_ reader: SegmentReader) throws(TallyError) {
    self.reader = reader
    footer = try reader.footer()
  }

  func codes(_ column: Int, _ rows: Range<Int>) throws(TallyError) -> [UInt32] {
    guard let stored = footer.column(id: column) else {
      return [UInt32](repeating: 0, count: rows.count)
    }
    let numbers = try numbers(column, rows)
    if stored.kind == .bool { return numbers.boolCodes }
    return numbers.values.map { UInt32(truncatingIfNeeded: $0) }
  }

  func numbers(_ column: Int, _ rows: Range<Int>) throws(TallyError) -> RollupNumbers {
    guard footer.column(id: column) != nil else { return RollupNumbers.null(rows.count) }
    let number = rows.lowerBound / Page.rowCountMax
    let pageCount = SegmentReader.rowGroupRowCount / Page.rowCountMax
    let page = try reader.page(
      column: column, rowGroup: number / pageCount, index: number % pageCount)
    var numbers = RollupNumbers(values: [], validity: [])
    unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: Page.blockRowCount) { buffer in
      guard let base = buffer.baseAddress else { return }
      for block in 0..<page.blockCount {
        let count = unsafe page.decodeInt64(block: block, into: base)
        // SAFETY: decoding has just written `count` values, at most a block.
        unsafe numbers.values.append(contentsOf: UnsafeBufferPointer(start: base, count: count))
      }
    }
    guard numbers.values.count == rows.count else {
      throw TallyError(
        .corruption,
        "page \(number) of column \(column) has \(numbers.values.count) rows, "
          + "expected \(rows.count)", path: reader.pathText)
    }
    if page.nullCount > 0 {
      numbers.validity = rows.indices.map { page.isPresent($0 - rows.lowerBound) ? 1 : 0 }
    }
    return numbers
  }
}
