import TallyBase
import TallyPlanning
import TallyStorage

/// One worker's scan: decodes predicate columns, keeps the rows that qualify, then decodes the
/// other columns only where a row is left.
final class ScanCursor {
  private let plan: ScanPlan
  private let context: QueryContext
  private let readers: [ColumnReader]
  /// The readers' vectors, in the same order.
  private let vectors: [Vector]
  private let tests: [RowTest]
  private let selection = SelectionVector()
  private let compact: [Vector]
  private let dayVectors: [Vector]
  private let slicer: BatchSlicer?
  // One thread at a time uses a cursor, and no accessor calls back: these need no dynamic check.
  /// By column: whether `readers` holds the current rows.
  @safe @exclusivity(unchecked) private var isLoaded: [Bool]
  /// By output column: whether it may be left to be summed by its page.
  private let isOnlySummed: [Bool]
  @safe @exclusivity(unchecked) private var isPostponed: [Bool]
  /// Whether tests look at runs and exceptions before rows are decoded.
  private let readsEncoded: Bool
  @safe @exclusivity(unchecked) private var position = (page: 0, row: 0, count: 0)
  /// Dead rows of the current morsel's segment; nil: it has none.
  @safe @exclusivity(unchecked) private var deletedRows: DeletedRows?
  /// Row of the segment that is the current row group's first.
  @safe @exclusivity(unchecked) private var firstRow = 0
  /// Rows of the pages that were looked at, dead ones included.
  @safe @exclusivity(unchecked) private(set) var scannedRowCount = 0
  @safe @exclusivity(unchecked) private(set) var prunedRowCount = 0

  init(plan: ScanPlan, context: QueryContext) throws(TallyError) {
    self.plan = plan
    self.context = context
    var readers: [ColumnReader] = []
    for column in plan.columns {
      readers.append(ColumnReader(column: column, pool: try context.pool(of: column)))
    }
    self.readers = readers
    vectors = readers.map(\.vector)
    var tests: [RowTest] = []
    for predicate in plan.predicates {
      tests.append(try RowTest(predicate, columnCount: plan.columns.count, context: context))
    }
    if let time = plan.timeColumn {
      let minimum = plan.timeRange.start ?? .min
      let end = plan.timeRange.end ?? .max
      if plan.timeRange.start != nil || plan.timeRange.end != nil {
        let predicate = ScanPredicate.range(
          column: time, minimum: minimum, maximum: end == .min ? .min : end - 1)
        tests.insert(
          try RowTest(predicate, columnCount: plan.columns.count, context: context), at: 0)
      }
    }
    self.tests = tests
    compact = plan.columns.map { Vector(type: $0.type) }
    dayVectors = plan.dayExpressions.map { Vector(type: $0.type) }
    isLoaded = [Bool](repeating: false, count: plan.columns.count)
    isPostponed = isLoaded
    isOnlySummed = plan.isOnlySummed.isEmpty ? isLoaded : plan.isOnlySummed
    readsEncoded = !context.options.disabledRules.contains("encoded_predicates")
    slicer =
      context.options.batchRowCount < Vector.rowCountMax
      ? BatchSlicer(batchRowCount: context.options.batchRowCount) : nil
  }

  var scannedByteCount: Int { readers.reduce(0) { $0 + $1.scannedByteCount } }

  /// Feeds the qualifying rows of a morsel to `emit`, a batch at a time. The batch's vectors are
  /// valid during the call.
  func run(
    _ morsel: Morsel, emit: (Batch) throws(TallyError) -> Void
  ) throws(TallyError) {
    for reader in readers { try reader.open(morsel) }
    try computeDayValues(morsel.segment.info.day)
    let info = morsel.segment.info
    deletedRows = context.snapshot.deletedRows[info.id]
    firstRow = morsel.footer.rowGroups[morsel.rowGroup].firstRow
    for test in tests {
      try test.open(morsel, columns: plan.columns)
      test.isSkipped = test.isSkipped || covers(test, info)
    }
    for page in morsel.pages {
      let rowCount = min(
        Page.rowCountMax,
        morsel.footer.rowGroups[morsel.rowGroup].rowCount - page * Page.rowCountMax)
      if plan.usesZoneMaps, isExcluded(page: page) {
        prunedRowCount += rowCount
        continue
      }
      scannedRowCount += rowCount
      try scan(page: page, rowCount: rowCount, emit)
    }
  }

  /// The time test is needless for a segment inside the range.
  private func covers(_ test: RowTest, _ info: SegmentInfo) -> Bool {
    guard case .range(let column, let minimum, let maximum) = test.predicate,
      plan.columns[column].id == Schema.timeColumnID
    else { return false }
    return info.timeMinimum >= minimum && info.timeMaximum <= maximum
  }

  private func isExcluded(page: Int) -> Bool {
    tests.contains { test in
      guard !test.isSkipped, let column = test.predicate.column,
        let map = readers[column].zoneMap(page: page)
      else { return false }
      return !test.mayMatch(map)
    }
  }

  private func scan(
    page: Int, rowCount: Int, _ emit: (Batch) throws(TallyError) -> Void
  ) throws(TallyError) {
    if try deliverWhole(page: page, rowCount: rowCount, emit) { return }
    var row = 0
    for range in try matchingRuns(page: page, rowCount: rowCount) {
      // Two ranges may share a block, which is scanned once.
      row = max(row, range.lowerBound / Page.blockRowCount * Page.blockRowCount)
      while row < range.upperBound {
        // A block that the range begins or ends in is a batch of its own: the others are whole.
        let whole = (range.upperBound - row) / Page.blockRowCount * Page.blockRowCount
        let reach = range.upperBound == rowCount ? rowCount - row : whole
        let isEdge = row < range.lowerBound || reach == 0
        let count =
          isEdge
          ? min(Page.blockRowCount, rowCount - row) : min(Vector.rowCountMax, reach)
        try scan(page: page, row: row, count: count, emit)
        row += count
      }
    }
    try context.cancellation.check()
  }

  private func scan(
    page: Int, row: Int, count: Int, _ emit: (Batch) throws(TallyError) -> Void
  ) throws(TallyError) {
    position = (page, row, count)
    for index in isLoaded.indices { isLoaded[index] = false }
    let kept = try applyTests()
    if kept > 0 { try deliver(kept, emit) }
  }

  /// The rows of a page that a test of a run-length encoded column leaves; all rows without one.
  private func matchingRuns(page: Int, rowCount: Int) throws(TallyError) -> [Range<Int>] {
    for test in tests where !test.isSkipped && readsEncoded {
      guard case .codes(let column, _) = test.predicate,
        let opened = try readers[column].openPage(page, rowCount: rowCount),
        let runs = opened.runs
      else { continue }
      var ranges: [Range<Int>] = []
      var start = 0
      for (end, local) in zip(runs.ends, runs.values) {
        let (first, next) = (start, min(Int(end), rowCount))
        start = next
        guard test.accepts(local: local) else { continue }
        if let last = ranges.last, last.upperBound == first {
          ranges[ranges.count - 1] = last.lowerBound..<next
        } else {
          ranges.append(first..<next)
        }
      }
      // Many short ranges are better tested row by row.
      if ranges.count * Page.blockRowCount <= rowCount { return ranges }
    }
    return [0..<rowCount]
  }

  /// Decodes a column at the current position unless that was done.
  private func load(_ column: Int, isPartial: Bool) throws(TallyError) -> Vector {
    let reader = readers[column]
    if !isLoaded[column] {
      let isSparse = isPartial && selection.count * 2 < position.count
      try reader.read(
        page: position.page, row: position.row, count: position.count,
        selection: isSparse ? selection : nil)
      isLoaded[column] = true
    }
    return reader.vector
  }

  /// Number of rows that qualify; `selection` holds them when that is not all.
  private func applyTests() throws(TallyError) -> Int {
    let count = position.count
    var isPartial = leaveOutDeleted()
    if isPartial, selection.count == 0 { return 0 }
    for test in tests where !test.isSkipped {
      if !isPartial, try selectExceptions(test) {
        isPartial = selection.count < count
      } else {
        for column in test.columns { _ = try load(column, isPartial: isPartial) }
        try test.apply(
          selection, isPartial: &isPartial, rowCount: count, vectors: vectors)
      }
      if isPartial, selection.count == 0 { return 0 }
    }
    return isPartial ? selection.count : count
  }

  /// Selects from the few rows that differ, when a page is mostly one value that fails the test;
  /// false if it is not.
  private func selectExceptions(_ test: RowTest) throws(TallyError) -> Bool {
    guard readsEncoded, let column = test.predicate.column,
      let page = try readers[column].openPage(
        position.page, rowCount: position.row + position.count),
      let rows = test.exceptions(of: page)
    else { return false }
    let target = unsafe selection.indexes
    let end = position.row + position.count
    var kept = 0
    var index = rows.partitioningIndex { Int($0) >= position.row }
    while index < rows.count, Int(rows[index]) < end {
      unsafe target[kept] = UInt16(truncatingIfNeeded: Int(rows[index]) - position.row)
      kept += 1
      index += 1
    }
    selection.count = kept
    return true
  }

  /// Selects the living rows at the current position, before any column is decoded.
  ///
  /// - Returns: false if all rows live; then `selection` is untouched.
  private func leaveOutDeleted() -> Bool {
    guard let deletedRows else { return false }
    let start = firstRow + position.page * Page.rowCountMax + position.row
    let rows = start..<(start + position.count)
    guard rows.upperBound <= deletedRows.rowCount, deletedRows.intersects(rows) else {
      return false
    }
    unsafe selection.count = deletedRows.survivors(of: rows, into: selection.indexes)
    return true
  }

  private func deliver(
    _ kept: Int, _ emit: (Batch) throws(TallyError) -> Void
  ) throws(TallyError) {
    let isPartial = kept < position.count
    var columns: [Vector] = []
    columns.reserveCapacity(plan.outputCount + dayVectors.count)
    for index in 0..<plan.outputCount {
      guard plan.isNeeded[index] else {
        columns.append(compact[index])
        continue
      }
      if !isPartial, slicer == nil, !isLoaded[index], isOnlySummed[index],
        try readers[index].postpone(
          page: position.page, row: position.row, count: position.count)
      {
        columns.append(vectors[index])
        isPostponed[index] = true
        continue
      }
      let vector = try load(index, isPartial: isPartial)
      if isPartial {
        compact[index].take(vector, selection, count: kept)
        columns.append(compact[index])
      } else {
        columns.append(vector)
      }
    }
    columns += constantDayVectors()
    let batch = Batch(rowCount: kept, columns: columns)
    defer { dropPostponed() }
    if let slicer { try slicer.slice(batch, emit) } else { try emit(batch) }
  }

  /// Hands a page on as one batch without decoding it; false if that cannot be.
  private func deliverWhole(
    page: Int, rowCount: Int, _ emit: (Batch) throws(TallyError) -> Void
  ) throws(TallyError) -> Bool {
    guard plan.takesWholePages, slicer == nil, deletedRows == nil,
      tests.allSatisfy(\.isSkipped)
    else { return false }
    defer { dropPostponed() }
    var runColumnCount = 0
    var columns: [Vector] = []
    columns.reserveCapacity(plan.outputCount + dayVectors.count)
    for index in 0..<plan.outputCount {
      guard plan.isNeeded[index] else {
        columns.append(compact[index])
        continue
      }
      let isSummed = isOnlySummed[index]
      guard try readers[index].openWhole(page, rowCount: rowCount, isSummed: isSummed) else {
        return false
      }
      isPostponed[index] = vectors[index].deferred != nil
      columns.append(vectors[index])
      // Groups by two keys in runs are numbered row by row, which is for a batch's rows.
      runColumnCount += vectors[index].runCount > 0 ? 1 : 0
      if runColumnCount > 1 { return false }
    }
    columns += constantDayVectors()
    try emit(Batch(rowCount: rowCount, columns: columns))
    try context.cancellation.check()
    return true
  }

  /// A vector and its reader must not keep each other alive.
  private func dropPostponed() {
    for index in isPostponed.indices where isPostponed[index] {
      vectors[index].deferred = nil
      isPostponed[index] = false
    }
  }

  /// Consumers may have flattened them.
  private func constantDayVectors() -> [Vector] {
    for vector in dayVectors { vector.isConstant = true }
    return dayVectors
  }

  private func computeDayValues(_ day: Day) throws(TallyError) {
    for (index, expression) in plan.dayExpressions.enumerated() {
      let value = try ScalarEvaluator.evaluate(expression, row: [.timestamp(day.startMicroseconds)])
      let vector = dayVectors[index]
      vector.reset()
      vector.isConstant = true
      if case .text(let text) = value {
        vector.pool = context.texts
        unsafe vector.codes[0] = try context.texts.withGrowingTable { $0.intern(text) }
      } else {
        try vector.set(0, value)
      }
    }
  }
}

extension [UInt16] {
  /// The first index whose element satisfies `belongsBehind`, which holds from some index on.
  fileprivate func partitioningIndex(_ belongsBehind: (UInt16) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if belongsBehind(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension Vector {
  /// Becomes the selected rows of `source`; rows on end are copied at once.
  fileprivate func take(_ source: Vector, _ selection: SelectionVector, count: Int) {
    let indexes = unsafe selection.indexes
    guard count > 0, unsafe Int(indexes[count - 1]) - Int(indexes[0]) == count - 1 else {
      return unsafe gather(source, indexes, count: count)
    }
    slice(source, start: unsafe Int(indexes[0]), count: count)
  }
}

/// Hands a batch on in smaller ones.
final class BatchSlicer {
  private let batchRowCount: Int
  private var vectors: [Vector] = []

  init(batchRowCount: Int) { self.batchRowCount = max(1, batchRowCount) }

  func slice(
    _ batch: Batch, _ emit: (Batch) throws(TallyError) -> Void
  ) throws(TallyError) {
    if vectors.isEmpty { vectors = batch.columns.map { Vector(type: $0.type) } }
    var start = 0
    while start < batch.rowCount {
      let count = min(batchRowCount, batch.rowCount - start)
      for (index, source) in batch.columns.enumerated() {
        vectors[index].slice(source, start: start, count: count)
      }
      try emit(Batch(rowCount: count, columns: vectors))
      start += count
    }
  }
}
