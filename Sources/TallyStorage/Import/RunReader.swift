import SystemPackage
import TallyBase

/// Random access to the rows of a sorted run.
struct RunReader {
  private let readers: [SegmentReader]
  /// First row of each segment, then the number of rows.
  private let starts: [Int]
  /// By segment id; see `Arrivals`.
  private let arrivals: [UInt64: SegmentReader]

  init(_ readers: [SegmentReader], arrivals: [UInt64: SegmentReader] = [:]) {
    self.readers = readers
    self.arrivals = arrivals
    var starts = [0]
    for reader in readers { starts.append((starts.last ?? 0) + reader.info.rowCount) }
    self.starts = starts
  }

  var rowCount: Int { starts.last ?? 0 }

  // MARK: Searching

  /// The number of rows whose `RowOrder` key is below `key`, known to lie within `range`.
  ///
  /// - Complexity: O(log rows) block decodes.
  func rank(of key: UInt64, within range: Range<Int>) throws(TallyError) -> Int {
    var low = range.lowerBound
    var high = range.upperBound
    while low < high {
      let middle = (low + high) / 2
      if try self.key(at: middle) < key { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func key(at row: Int) throws(TallyError) -> UInt64 {
    let index = segmentIndex(of: row)
    let reader = readers[index]
    let place = RowPlace(row - starts[index])
    let times = try place.page(of: Schema.timeColumnID, in: reader)
    let time = place.int64(in: times) &- reader.info.day.startMicroseconds
    let timeMask: UInt64 = (1 << RowOrder.timeBitCount) - 1
    var key = UInt64(truncatingIfNeeded: time) & timeMask
    if let org = try reader.footer().column(id: Schema.orgColumnID) {
      let page = try place.page(of: Schema.orgColumnID, in: reader)
      let local = Int(place.int64(in: page))
      guard org.localDictionary.indices.contains(local) else {
        throw RunReader.damaged(reader, "a code lies outside of its dictionary")
      }
      key |= RowOrder.key(org: org.localDictionary[local])
    }
    return key
  }

  private func segmentIndex(of row: Int) -> Int {
    (starts.dropFirst().firstIndex { row < $0 } ?? readers.count) - 1
  }

  static func damaged(_ reader: SegmentReader, _ detail: String) -> TallyError {
    let isTemporary = reader.path.removingLastComponent().lastComponent?.string == "tmp"
    return TallyError(
      .corruption, "segment \(reader.info.id) is damaged: \(detail)",
      hint: isTemporary ? "run the import again" : "run 'tally repair'", path: reader.path.string)
  }

  // MARK: Reading ranges

  /// Appends rows `range` of every column to a day's buffer.
  func append(
    _ range: Range<Int>, to buffer: DayBuffer, schema: Schema
  ) throws(TallyError) {
    for (index, reader) in readers.enumerated() {
      let lower = max(range.lowerBound, starts[index])
      let upper = min(range.upperBound, starts[index + 1])
      guard lower < upper else { continue }
      let local = (lower - starts[index])..<(upper - starts[index])
      let footer = try reader.footer()
      for column in schema.columns {
        guard let stored = footer.column(id: column.id) else { continue }
        let source = RunColumn(reader: reader, column: column, stored: stored)
        try source.append(local, to: buffer)
      }
      if let numbers = arrivals[reader.info.id] {
        try Arrivals.append(local, from: numbers, to: buffer)
      }
      buffer.addRows(local.count)
    }
  }
}

/// Where a row of a segment lies.
struct RowPlace {
  let rowGroup: Int
  let page: Int
  let block: Int
  let row: Int

  init(_ row: Int) {
    rowGroup = row / SegmentReader.rowGroupRowCount
    let inGroup = row % SegmentReader.rowGroupRowCount
    page = inGroup / Page.rowCountMax
    let inPage = inGroup % Page.rowCountMax
    block = inPage / Page.blockRowCount
    self.row = inPage % Page.blockRowCount
  }

  /// - Throws: `corruption` if the page ends before the row, `io`.
  func page(of column: Int, in reader: SegmentReader) throws(TallyError) -> Page {
    let found = try reader.page(column: column, rowGroup: rowGroup, index: page)
    guard block * Page.blockRowCount + row < found.rowCount else {
      throw RunReader.damaged(reader, "a page is too short")
    }
    return found
  }

  /// The value of an int64-backed, bool or symbol (segment-local code) page.
  func int64(in page: Page) -> Int64 {
    unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: Page.blockRowCount) { target in
      guard let base = target.baseAddress else { return 0 }
      // SAFETY: a block has at most `blockRowCount` values.
      let count = unsafe page.decodeInt64(block: block, into: base)
      return row < count ? unsafe target[row] : 0
    }
  }
}
