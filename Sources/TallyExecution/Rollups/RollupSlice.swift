import TallyBase
import TallyStorage

/// One column of a table of sums, as it lies in memory.
enum SliceColumn: Sendable {
  /// Nothing reads it.
  case unused
  /// The same number, truth (0 or 1) or store code in every row.
  case constant(Int64)
  case null
  /// Store codes; of a bool column 0 is NULL, 1 false, 2 true.
  case codes([SymbolCode])
  case numbers([Int64])
  /// NULL where the count beside it is 0.
  case counted([Int64], counts: [Int64])
  case bitmaps([CodeBitmap])
  case histograms(RollupHistograms)
  /// A histogram of equal values, as often as there are events.
  case bucket(Int, counts: [Int64])
}

/// The rows of one segment's table of sums that a query reads in place of the segment's own.
struct RollupSlice: Sendable {
  let segment: SegmentReader
  /// Rows of the table that are read, and further ones behind them.
  var rows: Range<Int>
  var furtherRows: [Range<Int>] = []
  /// Rows the table has.
  let rowCount: Int
  /// Start of each row's cell of time; `constant` for a whole day.
  var times: SliceColumn
  /// By column of the scan.
  var columns: [SliceColumn]
  /// By value of `RollupNeeds.values`.
  var values: [SliceColumn]

  /// Rows that are read.
  var readRowCount: Int { furtherRows.reduce(rows.count) { $0 + $1.count } }
}

extension RollupSlice {
  /// Lets go of a table of which few rows are read.
  mutating func compact() {
    let ranges = [rows] + furtherRows
    let count = readRowCount
    guard count * 4 <= rowCount, let times = times.rows(ranges) else { return }
    let columns = columns.compactMap { $0.rows(ranges) }
    let values = values.compactMap { $0.rows(ranges) }
    guard columns.count == self.columns.count, values.count == self.values.count else { return }
    self = RollupSlice(
      segment: segment, rows: 0..<count, rowCount: count, times: times, columns: columns,
      values: values)
  }
}

extension SliceColumn {
  /// Some rows of the column, packed; nil if they cannot be told from the others.
  fileprivate func rows(_ ranges: [Range<Int>]) -> SliceColumn? {
    switch self {
    case .unused, .constant, .null: self
    case .codes(let codes): SliceColumn.pick(codes, ranges).map { .codes($0) }
    case .numbers(let numbers): SliceColumn.pick(numbers, ranges).map { .numbers($0) }
    case .bitmaps(let bitmaps): SliceColumn.pick(bitmaps, ranges).map { .bitmaps($0) }
    case .bucket(let bucket, let counts):
      SliceColumn.pick(counts, ranges).map { .bucket(bucket, counts: $0) }
    case .counted(let numbers, let counts):
      if let numbers = SliceColumn.pick(numbers, ranges),
        let counts = SliceColumn.pick(counts, ranges)
      {
        .counted(numbers, counts: counts)
      } else {
        nil
      }
    case .histograms: nil
    }
  }

  private static func pick<Element>(_ all: [Element], _ ranges: [Range<Int>]) -> [Element]? {
    guard ranges.allSatisfy({ $0.lowerBound >= 0 && $0.upperBound <= all.count }) else {
      return nil
    }
    var picked: [Element] = []
    picked.reserveCapacity(ranges.reduce(0) { $0 + $1.count })
    for range in ranges { picked.append(contentsOf: all[range]) }
    return picked
  }
}

/// What is known of all slices of a scan together.
struct SliceFacts: Sendable {
  /// Rows of tables that are read, and the events of their segments.
  var rowCount = 0
  var eventCount = 0
  /// Whether some slice has rows outside the time range.
  var straddlesTimeRange = false
  /// Bounds of `time`.
  var times: ClosedRange<Int64>?
  /// By id, of the columns that were looked at.
  var columns: [Int: Column] = [:]

  struct Column: Sendable {
    var range: ClosedRange<Int64>?
    var mayBeNull = false
    /// Whether `range` bounds all values.
    var isBounded = true
  }
}
