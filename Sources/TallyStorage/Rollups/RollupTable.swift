import Synchronization
package import TallyBase

/// One rollup of one segment, read by columns.
///
/// A column is decoded when it is first asked for and kept as a flat array, as long as the cache's
/// share for rollups has room. Safe to use from many threads; the segment's reader must be alive.
///
/// Every read may throw `corruption` or `io`. After `corruption` the segment has no rollups any
/// more: its rows have the answer. So read all columns before the first is used.
package final class RollupTable: Sendable {
  package let definition: RollupDefinition
  /// Groups.
  package let rowCount: Int
  /// The segment's day, in which all buckets lie.
  package let day: Day
  /// Events of the segment: the sum of all row counts.
  package let segmentRowCount: Int

  let layout: RollupLayout
  private let pageOffset: Int64
  /// Store codes of the local codes of each dimension, and of bool columns their codes.
  private let dictionaries: [[SymbolCode]]
  /// Codes that bitmaps may hold.
  let distinctCodes: ClosedRange<SymbolCode>
  private weak let reader: SegmentReader?
  private let cache: RollupCache
  private let columns: Mutex<Columns>
  private let isRecent = Atomic(false)

  /// What has been decoded.
  private struct Columns {
    /// Row counts, bucket starts, measures.
    var numbers: [[Int64]?]
    var codes: [[SymbolCode]?]
    var bitmaps: [CodeBitmap]?
    var histograms: [RollupHistograms?]
    var byteCount = 0
  }

  private enum Slot {
    static let rowCounts = 0
    static let bucketStarts = 1
    static let measures = 2
  }

  init(
    _ directory: RollupDirectory, _ index: Int, reader: SegmentReader, footer: SegmentFooter
  ) throws(TallyError) {
    layout = directory.layouts[index]
    pageOffset = directory.pageOffset
    // That of the catalog, so that equal definitions are held once.
    definition = directory.catalog.definitions[index]
    rowCount = layout.rowCount
    day = footer.day
    segmentRowCount = footer.rowCount
    dictionaries = try RollupTable.dictionaries(layout, footer)
    let last = definition.distinct.flatMap { footer.column(id: $0)?.localDictionary.last } ?? 0
    distinctCodes = 1...max(1, last)
    self.reader = reader
    cache = reader.cache.rollups
    columns = Mutex(
      Columns(
        numbers: Array(repeating: nil, count: Slot.measures + layout.measures.count),
        codes: Array(repeating: nil, count: layout.dimensions.count),
        histograms: Array(repeating: nil, count: layout.histograms.count)))
  }

  deinit {
    let held = columns.withLock { $0.byteCount }
    if held > 0 { cache.shrink(by: held) }
  }

  private static func dictionaries(
    _ layout: RollupLayout, _ footer: SegmentFooter
  ) throws(TallyError) -> [[SymbolCode]] {
    var dictionaries: [[SymbolCode]] = []
    for (id, column) in zip(layout.definition.dimensions, layout.dimensions) {
      let stored = footer.column(id: id)
      let codes: [SymbolCode] =
        switch stored?.kind {
        case .symbol: stored?.localDictionary ?? []
        case .bool: [0, 1, 2]
        default: [nullSymbolCode]
        }
      guard column.minimum >= 0, column.maximum < Int64(codes.count) else {
        throw TallyError(
          .corruption,
          "a rollup has the codes \(column.bounds) of column \(id), expected at most "
            + "\(codes.count - 1)")
      }
      dictionaries.append(codes)
    }
    return dictionaries
  }

  // MARK: Facts

  /// Bounds of a measure over all rows; rows without a value count as 0.
  package func bounds(measure index: Int) -> ClosedRange<Int64> { layout.measures[index].bounds }

  /// Bounds of the row counts.
  package var rowCountBounds: ClosedRange<Int64> { layout.rowCounts.bounds }

  /// Whether some group is NULL in a dimension.
  package func hasNulls(dimension index: Int) -> Bool {
    layout.dimensions[index].minimum == 0 && dictionaries[index].first == nullSymbolCode
  }

  // MARK: Columns

  /// Events of each group, at least one.
  ///
  /// - Throws: `corruption`, `io`.
  package func rowCounts() throws(TallyError) -> [Int64] {
    try numbers(Slot.rowCounts) { () throws(TallyError) in try decodeRowCounts() }
  }

  /// First microsecond of each group's time bucket, UTC.
  ///
  /// - Throws: `corruption`, `io`.
  package func bucketStarts() throws(TallyError) -> [Int64] {
    try numbers(Slot.bucketStarts) { [self] () throws(TallyError) in
      let width = definition.grain.microseconds
      let start = day.startMicroseconds
      return try decode(layout.buckets, "buckets").map { start &+ $0 &* width }
    }
  }

  /// A measure of each group, by its position in the definition.
  ///
  /// - Throws: `corruption`, `io`.
  package func values(measure index: Int) throws(TallyError) -> [Int64] {
    try numbers(Slot.measures + index) { [self] () throws(TallyError) in
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
    if let known = use({ $0.codes[index] }) { return known }
    let dictionary = dictionaries[index]
    // Bounds of local codes have been checked against the dictionary.
    let codes = try decode(layout.dimensions[index], "dimension \(index)").map {
      dictionary[Int($0)]
    }
    if index == 0, zip(codes, codes.dropFirst()).contains(where: { $0 > $1 }) {
      throw damage("its first dimension does not ascend")
    }
    hold(byteCount: codes.count * MemoryLayout<SymbolCode>.size) { columns in
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
    if let known = use({ $0.bitmaps }) { return known }
    let bitmaps = try decodeBitmaps(try load(blob, "bitmaps"))
    let byteCount = bitmaps.reduce(bitmaps.count * 8) { $0 + $1.heldByteCount }
    hold(byteCount: byteCount) { $0.bitmaps = $0.bitmaps ?? bitmaps }
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
    if let known = use({ $0.histograms[index] }) { return known }
    let subject = "histograms of column \(column)"
    let made = try RollupHistograms(
      section: try load(layout.histograms[index], subject), rowCount: rowCount)
    hold(byteCount: made.heldByteCount) { $0.histograms[index] = $0.histograms[index] ?? made }
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

  // MARK: Holding

  private func use<Found>(_ find: (borrowing Columns) -> Found?) -> Found? {
    if !isRecent.load(ordering: .relaxed) { isRecent.store(true, ordering: .relaxed) }
    return columns.withLock { find($0) }
  }

  private func numbers(
    _ slot: Int, _ decode: () throws(TallyError) -> [Int64]
  ) throws(TallyError) -> [Int64] {
    if let known = use({ $0.numbers[slot] }) { return known }
    let made = try decode()
    hold(byteCount: made.count * MemoryLayout<Int64>.size) { columns in
      columns.numbers[slot] = columns.numbers[slot] ?? made
    }
    return made
  }

  /// Keeps a column, unless it alone is more than the cache may hold.
  private func hold(byteCount: Int, _ keep: (inout Columns) -> Void) {
    guard byteCount <= cache.byteCountMax else { return }
    // If another thread was faster its column stays, and the bytes are counted twice until both
    // are let go of together.
    columns.withLock { columns in
      keep(&columns)
      columns.byteCount += byteCount
    }
    cache.grow(by: byteCount)
  }

  /// Lets go of all columns; those who use one have it still.
  ///
  /// - Returns: bytes that were held.
  func removeColumns() -> Int {
    columns.withLock { columns in
      defer { columns.byteCount = 0 }
      columns.numbers = columns.numbers.map { _ in nil }
      columns.codes = columns.codes.map { _ in nil }
      columns.histograms = columns.histograms.map { _ in nil }
      columns.bitmaps = nil
      return columns.byteCount
    }
  }

  /// The same, if nobody has used the table since the last call.
  func removeColumnsUnlessRecent() -> Int {
    isRecent.exchange(false, ordering: .relaxed) ? 0 : removeColumns()
  }

  // MARK: Reading

  /// Reads bytes of section `rollupPages`.
  func read(offset: Int64, byteCount: Int, _ subject: String) throws(TallyError) -> [UInt8] {
    guard let reader else {
      throw TallyError(.internal, "\(subject) of a rollup is read after its segment was closed")
    }
    return try reader.read(byteCount: byteCount, at: pageOffset + offset, subject: subject)
  }

  /// Runs what interprets bytes; after `corruption` the segment is answered from its rows.
  func checking<Result>(_ body: () throws(TallyError) -> Result) throws(TallyError) -> Result {
    do throws(TallyError) {
      return try body()
    } catch {
      if error.code == .corruption { reader?.rejectRollups() }
      throw error
    }
  }

  func damage(_ detail: String) -> TallyError {
    reader?.rejectRollups()
    return TallyError(
      .corruption, "rollup of columns \(definition.dimensions): \(detail)",
      path: reader?.pathText)
  }
}
