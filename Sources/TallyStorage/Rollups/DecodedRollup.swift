import Synchronization
import TallyBase

/// What one rollup of one segment is, and what has been decoded of it: kept by the segment's
/// reader, and by nobody else for long.
final class DecodedRollup: Sendable {
  let definition: RollupDefinition
  let layout: RollupLayout
  let day: Day
  let segmentRowCount: Int
  /// Where section `rollupPages` begins.
  let pageOffset: Int64
  /// Store codes of the local codes of each dimension, and of bool columns their codes.
  let dictionaries: [[SymbolCode]]
  /// Codes that bitmaps may hold.
  let distinctCodes: ClosedRange<SymbolCode>
  let cache: RollupCache
  private let columns: Mutex<Columns>
  private let isRecent = Atomic(false)

  /// What has been decoded.
  struct Columns {
    /// Row counts, bucket starts, measures.
    var numbers: [[Int64]?]
    var codes: [[SymbolCode]?]
    var bitmaps: [CodeBitmap]?
    var histograms: [RollupHistograms?]
    var byteCount = 0
  }

  enum Slot {
    static let rowCounts = 0
    static let bucketStarts = 1
    static let measures = 2
  }

  init(
    _ directory: RollupDirectory, _ index: Int, footer: SegmentFooter, cache: RollupCache
  ) throws(TallyError) {
    layout = directory.layouts[index]
    pageOffset = directory.pageOffset
    // That of the catalog, so that equal definitions are held once.
    definition = directory.catalog.definitions[index]
    day = footer.day
    segmentRowCount = footer.rowCount
    dictionaries = try DecodedRollup.dictionaries(layout, footer)
    let last = definition.distinct.flatMap { footer.column(id: $0)?.localDictionary.last } ?? 0
    distinctCodes = 1...max(1, last)
    self.cache = cache
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
      let codes: [SymbolCode]
      switch stored?.kind {
      case .symbol: codes = stored?.localDictionary ?? []
      case .bool: codes = [0, 1, 2]
      case nil: codes = [nullSymbolCode]
      case .some(let kind):
        throw TallyError(
          .corruption, "a rollup groups by column \(id), which holds \(kind) values")
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

  func use<Found>(_ find: (borrowing Columns) -> Found?) -> Found? {
    if !isRecent.load(ordering: .relaxed) { isRecent.store(true, ordering: .relaxed) }
    return columns.withLock { find($0) }
  }

  /// Keeps a column, unless it alone is more than the cache may hold.
  func hold(byteCount: Int, _ keep: (inout Columns) -> Void) {
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
}
