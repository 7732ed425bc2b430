package import TallyBase

/// One rollup of one segment, read by columns.
///
/// A column is decoded when it is first asked for and kept as a flat array by the segment's reader,
/// as long as the cache's share for rollups has room. Safe to use from many threads.
///
/// Every read may throw `corruption` or `io`. After `corruption` the segment has no rollups any
/// more: its rows have the answer. So read all columns before the first is used.
package struct RollupTable: Sendable {
  let columns: DecodedRollup
  private let reader: SegmentReader

  init(_ columns: DecodedRollup, _ reader: SegmentReader) {
    self.columns = columns
    self.reader = reader
  }

  var layout: RollupLayout { columns.layout }

  // MARK: Facts

  package var definition: RollupDefinition { columns.definition }
  /// Groups.
  package var rowCount: Int { columns.layout.rowCount }
  /// The segment's day, in which all buckets lie.
  package var day: Day { columns.day }
  /// Events of the segment: the sum of all row counts.
  package var segmentRowCount: Int { columns.segmentRowCount }

  /// Bounds of a measure over all rows; rows without a value count as 0.
  package func bounds(measure index: Int) -> ClosedRange<Int64> { layout.measures[index].bounds }

  /// Bounds of the row counts.
  package var rowCountBounds: ClosedRange<Int64> { layout.rowCounts.bounds }

  /// Whether some group is NULL in a dimension.
  package func hasNulls(dimension index: Int) -> Bool {
    layout.dimensions[index].minimum == 0 && columns.dictionaries[index].first == nullSymbolCode
  }

  // MARK: Columns

  /// Events of each group, at least one.
  ///
  /// - Throws: `corruption`, `io`.
  package func rowCounts() throws(TallyError) -> [Int64] {
    try numbers(DecodedRollup.Slot.rowCounts) { () throws(TallyError) in try decodeRowCounts() }
  }

  /// First microsecond of each group's time bucket, UTC.
  ///
  /// - Throws: `corruption`, `io`.
  package func bucketStarts() throws(TallyError) -> [Int64] {
    try numbers(DecodedRollup.Slot.bucketStarts) { () throws(TallyError) in
      let width = definition.grain.microseconds
      let start = day.startMicroseconds
      return try decode(layout.buckets, "buckets").map { start &+ $0 &* width }
    }
  }

  /// A measure of each group, by its position in the definition.
  ///
  /// - Throws: `corruption`, `io`.
  package func values(measure index: Int) throws(TallyError) -> [Int64] {
    try numbers(DecodedRollup.Slot.measures + index) { () throws(TallyError) in
      let column = layout.measures[index]
      if case .multiple(let factor) = column.form {
        // The directory has been checked: no product is beyond 64 bits.
        return try rowCounts().map { $0 &* factor }
      }
      return try decode(column, "measure \(index)")
    }
  }

  /// Store codes of a dimension, by its position in the definition. 0 is NULL; of bool columns 1 is
  /// false and 2 true. Those of the first dimension ascend.
  ///
  /// - Throws: `corruption`, `io`.
  package func codes(dimension index: Int) throws(TallyError) -> [SymbolCode] {
    if let known = columns.use({ $0.codes[index] }) { return known }
    let dictionary = columns.dictionaries[index]
    // Bounds of local codes have been checked against the dictionary.
    let codes = try decode(layout.dimensions[index], "dimension \(index)").map {
      dictionary[Int($0)]
    }
    if index == 0, zip(codes, codes.dropFirst()).contains(where: { $0 > $1 }) {
      throw damage("its first dimension does not ascend")
    }
    columns.hold(byteCount: codes.count * MemoryLayout<SymbolCode>.size) { columns in
      columns.codes[index] = columns.codes[index] ?? codes
    }
    return codes
  }

  /// Rows whose first dimension has a store code.
  ///
  /// - Throws: `corruption`, `io`.
  /// - Complexity: O(log rows).
  package func rows(first code: SymbolCode) throws(TallyError) -> Range<Int> {
    let codes = try codes(dimension: 0)
    let start = codes.partitionPoint { $0 < code }
    return start..<(start + codes[start...].partitionPoint { $0 == code })
  }

  /// The distinct codes of each group; NULL is none of them. Empty if the rollup has no bitmaps.
  ///
  /// - Throws: `corruption`, `io`.
  package func bitmaps() throws(TallyError) -> [CodeBitmap] {
    guard let blob = layout.bitmaps else { return [] }
    if let known = columns.use({ $0.bitmaps }) { return known }
    let bitmaps = try decodeBitmaps(try load(blob, "bitmaps"))
    let byteCount = bitmaps.reduce(bitmaps.count * 8) { $0 + $1.heldByteCount }
    columns.hold(byteCount: byteCount) { $0.bitmaps = $0.bitmaps ?? bitmaps }
    return bitmaps
  }

  /// The distinct codes of one group; an empty set if the rollup has no bitmaps.
  ///
  /// - Throws: `corruption`, `io`.
  package func bitmap(_ row: Int) throws(TallyError) -> CodeBitmap {
    let all = try bitmaps()
    return all.indices.contains(row) ? all[row] : CodeBitmap()
  }

  /// The histograms of a column; nil if the rollup does not have them.
  ///
  /// - Throws: `corruption`, `io`.
  package func histograms(column: Int) throws(TallyError) -> RollupHistograms? {
    guard let index = definition.histograms.firstIndex(of: column) else { return nil }
    if let known = columns.use({ $0.histograms[index] }) { return known }
    let subject = "histograms of column \(column)"
    let made = try RollupHistograms(
      section: try load(layout.histograms[index], subject), rowCount: rowCount)
    columns.hold(byteCount: made.heldByteCount) {
      $0.histograms[index] = $0.histograms[index] ?? made
    }
    return made
  }

  /// The histogram of a column in one group; an empty one if the rollup does not have it.
  ///
  /// - Throws: `corruption`, `io`.
  package func histogram(column: Int, _ row: Int) throws(TallyError) -> LatencyHistogram {
    var histogram = LatencyHistogram()
    try histograms(column: column)?.add(row, to: &histogram)
    return histogram
  }

  // MARK: Reading

  private func numbers(
    _ slot: Int, _ decode: () throws(TallyError) -> [Int64]
  ) throws(TallyError) -> [Int64] {
    if let known = columns.use({ $0.numbers[slot] }) { return known }
    let made = try decode()
    columns.hold(byteCount: made.count * MemoryLayout<Int64>.size) { columns in
      columns.numbers[slot] = columns.numbers[slot] ?? made
    }
    return made
  }

  /// Reads bytes of section `rollupPages`.
  func read(offset: Int64, byteCount: Int, _ subject: String) throws(TallyError) -> [UInt8] {
    try reader.read(byteCount: byteCount, at: columns.pageOffset + offset, subject: subject)
  }

  /// Runs what interprets bytes; after `corruption` the segment is answered from its rows.
  func checking<Result>(_ body: () throws(TallyError) -> Result) throws(TallyError) -> Result {
    do throws(TallyError) {
      return try body()
    } catch {
      if error.code == .corruption { reader.rejectRollups() }
      throw error
    }
  }

  func damage(_ detail: String) -> TallyError {
    reader.rejectRollups()
    return TallyError(
      .corruption, "rollup of columns \(definition.dimensions): \(detail)",
      path: reader.pathText)
  }
}
