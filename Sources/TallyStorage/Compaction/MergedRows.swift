import TallyBase

/// Rows of several segments of a day in the order of the one segment they become.
///
/// Only their order is held, four bytes a row; values are read when they are asked for. Because
/// the segments are sorted, the rows of a page are a contiguous range of each.
struct MergedRows: SegmentRows {
  let day: Day
  let rowCount: Int
  let columns: [ColumnSchema]
  /// In microseconds.
  let timeMinimum: Int64
  let timeMaximum: Int64
  private let inputs: [RewriteInput]
  private var pages: [MergedPage] = []
  private let checkpoint: @Sendable () throws(TallyError) -> Void

  /// - Parameters:
  ///   - piece: the rows of each input, in its order.
  ///   - checkpoint: called before each read.
  /// - Throws: `io`, `corruption`, and what `checkpoint` throws.
  init(
    _ inputs: [RewriteInput], piece: [Range<Int>], day: Day, schema: Schema,
    checkpoint: @escaping @Sendable () throws(TallyError) -> Void
  ) throws(TallyError) {
    self.inputs = inputs
    self.day = day
    self.checkpoint = checkpoint
    columns = schema.columns.filter { column in inputs.contains { $0.stored(column) != nil } }
    var (rows, keys) = try MergedRows.liveRows(inputs, piece, day, schema)
    rowCount = rows.count
    if !keys.isEmpty {
      let order = RowOrder.sort(&keys)
      rows = order.map { rows[Int($0)] }
    }
    (timeMinimum, timeMaximum) = try MergedRows.times(keys, day, inputs)
    for start in stride(from: 0, to: rowCount, by: Page.rowCountMax) {
      let end = min(rowCount, start + Page.rowCountMax)
      pages.append(MergedPage(rows[start..<end], piece: piece))
    }
  }

  /// The rows that stay, counted through the piece, with their keys.
  private static func liveRows(
    _ inputs: [RewriteInput], _ piece: [Range<Int>], _ day: Day, _ schema: Schema
  ) throws(TallyError) -> (rows: [UInt32], keys: [UInt64]) {
    let buffer = DayBuffer(day: day)
    for (input, range) in zip(inputs, piece) {
      for column in [Schema.timeColumnID, Schema.orgColumnID] {
        try input.append(range, of: schema.columns[column], to: buffer)
      }
      buffer.addRows(range.count)
    }
    var keys = buffer.keys()
    var rows: [UInt32] = []
    rows.reserveCapacity(keys.count)
    var first = 0
    for (input, range) in zip(inputs, piece) {
      for offset in 0..<range.count
      where input.dropped?.contains(range.lowerBound + offset) != true {
        keys[rows.count] = keys[first + offset]
        rows.append(UInt32(truncatingIfNeeded: first + offset))
      }
      first += range.count
    }
    keys.removeLast(keys.count - rows.count)
    return (rows, keys)
  }

  private static func times(
    _ keys: [UInt64], _ day: Day, _ inputs: [RewriteInput]
  ) throws(TallyError) -> (Int64, Int64) {
    let mask: UInt64 = (1 << RowOrder.timeBitCount) - 1
    var earliest: UInt64 = keys.isEmpty ? 0 : .max
    var latest: UInt64 = 0
    for key in keys {
      earliest = min(earliest, key & mask)
      latest = max(latest, key & mask)
    }
    guard latest < UInt64(Day.microsecondsPerDay) else {
      let ids = inputs.map { String($0.reader.info.id) }.joined(separator: ", ")
      throw TallyError(
        .corruption, "a row of \(day) in one of the segments \(ids) has the time of another day",
        hint: "run 'tally verify --deep'")
    }
    return (
      day.startMicroseconds &+ Int64(truncatingIfNeeded: earliest),
      day.startMicroseconds &+ Int64(truncatingIfNeeded: latest)
    )
  }

  /// Calls `body` with each row's input and its row there, in order.
  func forEachPlace(_ body: (_ input: Int, _ row: Int) -> Void) {
    for page in pages { page.forEachPlace(body) }
  }

  // MARK: SegmentRows

  func hasNulls(_ column: ColumnSchema) -> Bool { inputs.contains { $0.hasNulls(column) } }

  func valueCountMax(_ column: ColumnSchema) -> Int {
    var values: Set<SymbolCode> = []
    for input in inputs {
      guard let stored = input.stored(column) else {
        values.insert(nullSymbolCode)
        continue
      }
      if input.clearedRows(column) != nil { values.insert(nullSymbolCode) }
      guard stored.localDictionary.count <= 1 << 16 else { return .max }
      values.formUnion(stored.localDictionary)
    }
    return values.count
  }

  func values(
    _ rows: Range<Int>, of column: ColumnSchema
  ) throws(TallyError) -> SegmentColumnData {
    var result: SegmentColumnData?
    var start = rows.lowerBound
    while start < rows.upperBound {
      try checkpoint()
      let index = start / Page.rowCountMax
      let first = index * Page.rowCountMax
      let end = min(rows.upperBound, first + Page.rowCountMax)
      let part = try pages[index].part((start - first)..<(end - first)).values(
        of: column, inputs, day)
      if result == nil { result = part } else { result?.append(part) }
      start = end
    }
    return result ?? SegmentColumnData(column: column, defaultCount: 0)
  }
}

/// Rows that follow each other in a segment to be, by where they come from.
struct MergedPage {
  /// The rows read of each input that has any.
  private var ranges: [(input: Int, rows: Range<Int>)] = []
  /// Each row's number among the rows read.
  private var order: [UInt32]

  /// - Parameter rows: rows counted through `piece`.
  init(_ rows: ArraySlice<UInt32>, piece: [Range<Int>]) {
    var starts = [0]
    for range in piece { starts.append((starts.last ?? 0) + range.count) }
    self.init(rows, starts: starts, offsets: piece.enumerated().map { ($0, $1.lowerBound) })
  }

  /// - Parameters:
  ///   - starts: where each source begins among `rows`' numbers, then their end.
  ///   - offsets: each source's input and the input's row that the source begins with.
  private init(
    _ rows: ArraySlice<UInt32>, starts: [Int], offsets: [(input: Int, row: Int)]
  ) {
    var lower = [Int](repeating: .max, count: offsets.count)
    var upper = [Int](repeating: 0, count: offsets.count)
    var source = 0
    for row in rows {
      source = MergedPage.source(of: Int(row), near: source, starts)
      lower[source] = min(lower[source], Int(row))
      upper[source] = max(upper[source], Int(row) + 1)
    }
    var shifts = [Int](repeating: 0, count: offsets.count)
    var readCount = 0
    for source in offsets.indices where lower[source] < upper[source] {
      let first = offsets[source].row + lower[source] - starts[source]
      ranges.append((offsets[source].input, first..<(first + upper[source] - lower[source])))
      shifts[source] = lower[source] - readCount
      readCount += upper[source] - lower[source]
    }
    order = []
    order.reserveCapacity(rows.count)
    for row in rows {
      source = MergedPage.source(of: Int(row), near: source, starts)
      order.append(UInt32(truncatingIfNeeded: Int(row) - shifts[source]))
    }
  }

  private static func source(of row: Int, near source: Int, _ starts: [Int]) -> Int {
    if starts[source] <= row, row < starts[source + 1] { return source }
    var low = 0
    var high = starts.count - 1
    while low + 1 < high {
      let middle = (low + high) / 2
      if starts[middle] <= row { low = middle } else { high = middle }
    }
    return low
  }

  /// Some of the page's rows.
  func part(_ rows: Range<Int>) -> MergedPage {
    if rows == 0..<order.count { return self }
    return MergedPage(
      order[rows], starts: starts, offsets: ranges.map { ($0.input, $0.rows.lowerBound) })
  }

  /// Where each range begins among the rows read, then their number.
  private var starts: [Int] {
    var starts = [0]
    for range in ranges { starts.append((starts.last ?? 0) + range.rows.count) }
    return starts
  }

  func forEachPlace(_ body: (_ input: Int, _ row: Int) -> Void) {
    let starts = starts
    var source = 0
    for row in order {
      source = MergedPage.source(of: Int(row), near: source, starts)
      body(ranges[source].input, ranges[source].rows.lowerBound + Int(row) - starts[source])
    }
  }

  /// A column of the page's rows.
  func values(
    of column: ColumnSchema, _ inputs: [RewriteInput], _ day: Day
  ) throws(TallyError) -> SegmentColumnData {
    let buffer = DayBuffer(day: day)
    for (input, rows) in ranges {
      try inputs[input].append(rows, of: column, to: buffer)
      buffer.addRows(rows.count)
    }
    var data = SegmentColumnData(column: column, defaultCount: order.count)
    if let source = buffer.column(column.id),
      let gathered = ColumnGather.gather(source, order: order[...], rowCount: buffer.rowCount)
    {
      data = gathered
    }
    guard ranges.contains(where: { inputs[$0.input].clearedRows(column) != nil }) else {
      return data
    }
    var isCleared: [Bool] = []
    forEachPlace { input, row in
      isCleared.append(inputs[input].clearedRows(column)?.contains(row) ?? false)
    }
    data.clear(isCleared)
    return data
  }
}
