import TallyBase

/// Copies rows of one stored column into a day's buffer, block by block.
struct RunColumn {
  let reader: SegmentReader
  let column: ColumnSchema
  let stored: SegmentFooter.Column

  /// Appends rows `range` of the segment.
  ///
  /// - Throws: `io`, `corruption`.
  func append(_ range: Range<Int>, to buffer: DayBuffer) throws(TallyError) {
    var row = range.lowerBound
    while row < range.upperBound {
      let place = RowPlace(row)
      let page = try place.page(of: stored.columnID, in: reader)
      let blockEnd = row - place.row + Page.blockRowCount
      let end = min(range.upperBound, blockEnd)
      guard place.block * Page.blockRowCount + place.row + (end - row) <= page.rowCount else {
        throw RunReader.damaged(reader, "a page is too short")
      }
      let rows = place.row..<(place.row + end - row)
      let offset = row - range.lowerBound
      if column.type == .text {
        appendText(page, block: place.block, rows: rows, offset: offset, to: buffer)
      } else {
        try appendFixed(page, block: place.block, rows: rows, offset: offset, to: buffer)
      }
      row = end
    }
  }

  // MARK: Fixed width

  /// Values of one block, wide enough for any type.
  private static let slotByteCount = 8 * Page.blockRowCount

  private func appendFixed(
    _ page: Page, block: Int, rows: Range<Int>, offset: Int, to buffer: DayBuffer
  ) throws(TallyError) {
    let count = Page.blockRowCount
    // SAFETY: the two allocations hold a block of the widest type and a byte for each row of it;
    // `rows` lies within a block.
    let values = UnsafeMutableRawPointer.allocate(
      byteCount: RunColumn.slotByteCount, alignment: 8)
    let validity = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
    defer {
      unsafe values.deallocate()
      unsafe validity.deallocate()
    }
    let width = try unsafe decode(page, block: block, into: values)
    let hasNulls = page.nullCount > 0 && column.type != .symbol
    if hasNulls { unsafe decodeValidity(page, block: block, into: validity) }
    buffer.withColumn(column, missing: MissingValue(of: column)) { target, start in
      unsafe target.append(
        UnsafeRawPointer(values + rows.lowerBound * width),
        validity: hasNulls ? UnsafePointer(validity + rows.lowerBound) : nil,
        rowCount: rows.count, selection: .all, at: start + offset)
    }
  }

  /// - Returns: bytes a value takes.
  private func decode(
    _ page: Page, block: Int, into target: UnsafeMutableRawPointer
  ) throws(TallyError) -> Int {
    let capacity = Page.blockRowCount
    // SAFETY: `target` holds a block of the widest type.
    switch column.type {
    case .symbol:
      let codes = unsafe target.bindMemory(to: UInt32.self, capacity: capacity)
      let count = unsafe page.decodeCodes(block: block, into: codes)
      var largest: UInt32 = 0
      for index in 0..<count { largest = max(largest, unsafe codes[index]) }
      guard Int(largest) < stored.localDictionary.count || count == 0 else {
        throw RunReader.damaged(reader, "a code lies outside of its dictionary")
      }
      for index in 0..<count { unsafe codes[index] = stored.localDictionary[Int(codes[index])] }
      return 4
    case .bool:
      let narrow = unsafe target.bindMemory(to: UInt8.self, capacity: capacity)
      unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: capacity) { wide in
        guard let base = wide.baseAddress else { return }
        let count = unsafe page.decodeCodes(block: block, into: base)
        for index in 0..<count { unsafe narrow[index] = UInt8(truncatingIfNeeded: wide[index]) }
      }
      return 1
    case .double:
      let doubles = unsafe target.bindMemory(to: Double.self, capacity: capacity)
      _ = unsafe page.decodeDouble(block: block, into: doubles)
      return 8
    default:
      let numbers = unsafe target.bindMemory(to: Int64.self, capacity: capacity)
      _ = unsafe page.decodeInt64(block: block, into: numbers)
      return 8
    }
  }

  private func decodeValidity(
    _ page: Page, block: Int, into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { words in
      guard let base = words.baseAddress else { return }
      // SAFETY: 16 words are a block's validity; `target` has a byte for each bit.
      _ = unsafe page.decodeValidity(block: block, into: base)
      for row in 0..<Page.blockRowCount {
        unsafe target[row] = UInt8(truncatingIfNeeded: (words[row >> 6] >> UInt64(row & 63)) & 1)
      }
    }
  }

  // MARK: Text

  private func appendText(
    _ page: Page, block: Int, rows: Range<Int>, offset: Int, to buffer: DayBuffer
  ) {
    var offsets = [0]
    var bytes: [UInt8] = []
    var validity: [UInt8] = []
    unsafe page.forEachText(block: block) { row, text in
      guard rows.contains(row) else { return }
      if let text = unsafe text { unsafe bytes.append(contentsOf: text) }
      offsets.append(bytes.count)
      validity.append(unsafe text == nil ? 0 : 1)
    }
    buffer.withColumn(column, missing: .null) { target, start in
      target.appendText(
        offsets: offsets, bytes: bytes, validity: validity, selection: .all, at: start + offset)
    }
  }
}
