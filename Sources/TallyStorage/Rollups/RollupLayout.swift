import TallyBase

/// Where the parts of one rollup are, and in what form.
struct RollupLayout: Sendable {
  var definition: RollupDefinition
  var rowCount: Int
  var rowCounts: Column
  /// Numbers of time buckets within the day.
  var buckets: Column
  /// Segment-local codes; of bool columns 0 NULL, 1 false, 2 true.
  var dimensions: [Column]
  var measures: [Column]
  var bitmaps: Blob?
  var histograms: [Blob]

  /// One number a row.
  struct Column: Hashable, Sendable {
    var form: Form
    var minimum: Int64
    var maximum: Int64

    var bounds: ClosedRange<Int64> { minimum...max(minimum, maximum) }
  }

  enum Form: Hashable, Sendable {
    case pages([PageLocation])
    /// The number of events times a constant: sums of columns that have one value.
    case multiple(Int64)
    case constant(Int64)
  }

  /// Where a page lies in section `rollupPages`.
  struct PageLocation: Hashable, Sendable {
    var encoding: PageEncoding
    var isCompressed: Bool
    var crc: UInt32
    var offset: Int64
    var storedByteCount: Int
    /// After zstd is taken off.
    var encodedByteCount: Int
  }

  /// Bitmaps or histograms of all rows, one behind the other.
  struct Blob: Hashable, Sendable {
    var crc: UInt32
    var isCompressed: Bool
    var offset: Int64
    var storedByteCount: Int
    var encodedByteCount: Int
  }

  /// In the order of their pages.
  var columns: [Column] { [rowCounts, buckets] + dimensions + measures }

  var blobs: [Blob] { (bitmaps.map { [$0] } ?? []) + histograms }

  /// Bytes of all pages.
  var byteCount: Int {
    let pages = columns.reduce(0) { $0 + $1.storedByteCount }
    return blobs.reduce(pages) { $0 + $1.storedByteCount }
  }

  /// Moves all pages; a rollup is encoded before it is known where it goes.
  mutating func move(by distance: Int64) {
    rowCounts.move(by: distance)
    buckets.move(by: distance)
    for index in dimensions.indices { dimensions[index].move(by: distance) }
    for index in measures.indices { measures[index].move(by: distance) }
    bitmaps?.offset += distance
    for index in histograms.indices { histograms[index].offset += distance }
  }
}

extension RollupLayout.Column {
  var storedByteCount: Int {
    guard case .pages(let pages) = form else { return 0 }
    return pages.reduce(0) { $0 + $1.storedByteCount }
  }

  fileprivate mutating func move(by distance: Int64) {
    guard case .pages(var pages) = form else { return }
    for index in pages.indices { pages[index].offset += distance }
    form = .pages(pages)
  }
}
