import TallyBase

extension RollupTable {
  /// The numbers of a column, within the bounds that the directory has for it.
  func decode(
    _ column: RollupLayout.Column, _ subject: String
  ) throws(TallyError) -> [Int64] {
    let pages: [RollupLayout.PageLocation]
    switch column.form {
    case .constant(let value): return [Int64](repeating: value, count: rowCount)
    // Only measures are multiples; of anything else the directory would be wrong.
    case .multiple: throw damage("\(subject) is a multiple of the row counts")
    case .pages(let locations): pages = locations
    }
    guard let first = pages.first else { throw damage("\(subject) has no pages") }
    let byteCount = pages.reduce(0) { $0 + $1.storedByteCount }
    return try checking { () throws(TallyError) in
      let bytes = try read(offset: first.offset, byteCount: byteCount, "rollup \(subject)")
      var values: [Int64] = []
      values.reserveCapacity(rowCount)
      for (index, location) in pages.enumerated() {
        let start = Int(location.offset - first.offset)
        let stored = Array(bytes[start..<(start + location.storedByteCount)])
        let page = try RollupTable.page(
          stored, location, rowCount: min(Page.rowCountMax, rowCount - index * Page.rowCountMax),
          bounds: column.bounds, "page \(index) of rollup \(subject)")
        RollupTable.append(page, to: &values)
      }
      return values
    }
  }

  private static func page(
    _ stored: [UInt8], _ location: RollupLayout.PageLocation, rowCount: Int,
    bounds: ClosedRange<Int64>, _ subject: String
  ) throws(TallyError) -> Page {
    try SegmentReader.checkCRC(stored, location.crc, subject)
    let encoded =
      location.isCompressed
      ? try ZstdCodec.decompress(stored, byteCount: location.encodedByteCount, subject: subject)
      : stored
    let shape = PageShape(
      rowCount: rowCount, nullCount: 0, encoding: location.encoding, isText: false, bounds: bounds)
    return try Page(encoded: encoded, shape: shape, subject: subject) {
      (column) throws(TallyError) in
      throw TallyError(.corruption, "\(subject) refers to column \(column)")
    }
  }

  private static func append(_ page: Page, to values: inout [Int64]) {
    unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: Page.blockRowCount) { buffer in
      guard let base = buffer.baseAddress else { return }
      for block in 0..<page.blockCount {
        let count = unsafe page.decodeInt64(block: block, into: base)
        // SAFETY: decoding has just written `count` values, at most a block.
        unsafe values.append(contentsOf: UnsafeBufferPointer(start: base, count: count))
      }
    }
  }

  func decodeRowCounts() throws(TallyError) -> [Int64] {
    let counts = try decode(layout.rowCounts, "row counts")
    // The directory's bounds are within the segment's rows: no sum is beyond 64 bits.
    let total = counts.reduce(0, &+)
    guard total == Int64(segmentRowCount) else {
      throw damage("its groups have \(total) rows, the segment has \(segmentRowCount)")
    }
    return counts
  }

  /// The bytes of all bitmaps or histograms of a column.
  func load(_ blob: RollupLayout.Blob, _ subject: String) throws(TallyError) -> [UInt8] {
    try checking { () throws(TallyError) in
      let stored = try read(offset: blob.offset, byteCount: blob.storedByteCount, subject)
      try SegmentReader.checkCRC(stored, blob.crc, "rollup \(subject)")
      guard blob.isCompressed else { return stored }
      return try ZstdCodec.decompress(
        stored, byteCount: blob.encodedByteCount, subject: "rollup \(subject)")
    }
  }

  func decodeBitmaps(_ bytes: [UInt8]) throws(TallyError) -> [CodeBitmap] {
    try checking { () throws(TallyError) in
      var reader = ByteReader(bytes, subject: "rollup bitmaps")
      var bitmaps: [CodeBitmap] = []
      bitmaps.reserveCapacity(rowCount)
      for _ in 0..<rowCount {
        let bitmap = try CodeBitmap(&reader)
        guard !bitmap.contains(nullSymbolCode), bitmap.maximum <= columns.distinctCodes.upperBound
        else {
          throw reader.corruption("a bitmap holds codes beyond \(columns.distinctCodes)")
        }
        bitmaps.append(bitmap)
      }
      try reader.expectEnd()
      return bitmaps
    }
  }
}
