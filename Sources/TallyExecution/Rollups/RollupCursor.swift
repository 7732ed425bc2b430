import TallyBase
import TallyPlanning
import TallyStorage

/// One worker's reading of tables of sums: rows of many segments are packed into full batches, then
/// predicates are tested.
final class RollupCursor {
  private let scan: RollupScan
  private let plan: ScanPlan
  private let context: QueryContext
  let input: PartialInput
  private let vectors: [Vector]
  private let dayVectors: [Vector]
  private let valueVectors: [Vector]
  private let tests: [RowTest]
  private let selection = SelectionVector()
  private let subset = BatchSubset()
  private var dayValues: (day: Day, values: [Value])?
  private var rowCount = 0
  private let capacity: Int
  /// By value: whether the batch has codes in place of sets; nil while it is empty.
  private var isCoded: [Bool?]
  private(set) var readRowCount = 0

  init(_ scan: RollupScan, plan: ScanPlan, context: QueryContext) throws(TallyError) {
    self.scan = scan
    self.plan = plan
    self.context = context
    input = PartialInput(layout: scan.layout, valueCount: scan.needs.values.count)
    // Few rows need small vectors, which are made faster.
    let capacity = max(
      1, min(context.options.batchRowCount, Vector.rowCountMax, scan.rowCount))
    self.capacity = capacity
    let vectorCapacity = (capacity + 63) / 64 * 64
    var vectors: [Vector] = []
    for (index, column) in plan.columns.enumerated() {
      let isRead = scan.isRead[index]
      let vector = Vector(type: column.type, capacity: isRead ? vectorCapacity : 1)
      if isRead { vector.pool = try context.pool(of: column) }
      vectors.append(vector)
    }
    self.vectors = vectors
    dayVectors = plan.dayExpressions.map { Vector(type: $0.type, capacity: vectorCapacity) }
    valueVectors = scan.needs.values.map { _ in Vector(type: .int64, capacity: vectorCapacity) }
    isCoded = scan.needs.values.map { _ in nil }
    var tests: [RowTest] = []
    if scan.testsTime, let time = plan.timeColumn {
      let end = plan.timeRange.end ?? .max
      tests.append(
        try RowTest(
          .range(
            column: time, minimum: plan.timeRange.start ?? .min,
            maximum: end == .min ? .min : end - 1), columnCount: plan.columns.count,
          context: context))
    }
    for predicate in plan.predicates {
      tests.append(try RowTest(predicate, columnCount: plan.columns.count, context: context))
    }
    self.tests = tests
  }

  /// Feeds the rows that qualify to `emit`, a batch at a time; `input` has what belongs to the
  /// batch beside its vectors.
  func run(
    _ slices: ArraySlice<RollupSlice>, emit: (Batch) throws(TallyError) -> Void
  ) throws(TallyError) {
    begin()
    for slice in slices {
      if try needsNewBatch(slice) { try flush(emit) }
      try read(slice, slice.rows, emit)
      for range in slice.furtherRows { try read(slice, range, emit) }
    }
    try flush(emit)
  }

  private func read(
    _ slice: RollupSlice, _ rows: Range<Int>, _ emit: (Batch) throws(TallyError) -> Void
  ) throws(TallyError) {
    var start = rows.lowerBound
    while start < rows.upperBound {
      let count = min(capacity - rowCount, rows.upperBound - start)
      try append(slice, start..<(start + count))
      start += count
      if rowCount == capacity { try flush(emit) }
    }
  }

  // MARK: Packing

  private func begin() {
    rowCount = 0
    for (index, vector) in vectors.enumerated() {
      vector.reset()
      // What nothing reads has one entry.
      vector.isConstant = !scan.isRead[index]
    }
    for vector in dayVectors { vector.reset() }
    for vector in valueVectors { vector.reset() }
    for index in isCoded.indices { isCoded[index] = nil }
    input.removeObjects()
  }

  /// Sets and codes do not go into one batch.
  private func needsNewBatch(_ slice: RollupSlice) throws(TallyError) -> Bool {
    guard rowCount > 0 else { return false }
    for (index, known) in isCoded.enumerated() {
      if let known, known != slice.values[index].isCoded { return true }
    }
    return false
  }

  private func append(_ slice: RollupSlice, _ rows: Range<Int>) throws(TallyError) {
    for (index, vector) in vectors.enumerated() where scan.isRead[index] {
      let isTime = plan.columns[index].id == Schema.timeColumnID
      fill(vector, isTime ? slice.times : slice.columns[index], rows)
    }
    try fillDays(slice.segment.info.day, rows.count)
    for (index, value) in scan.needs.values.enumerated() {
      switch value {
      case .distinct:
        isCoded[index] = slice.values[index].isCoded
        fillSets(index, slice.values[index], rows)
      case .histogram: fillHistograms(index, slice.values[index], rows)
      default: fill(valueVectors[index], slice.values[index], rows)
      }
    }
    rowCount += rows.count
    readRowCount += rows.count
  }

  private func fill(_ vector: Vector, _ column: SliceColumn, _ rows: Range<Int>) {
    switch column {
    case .unused, .bitmaps, .histograms, .bucket: fillNull(vector, rows.count)
    case .null: fillNull(vector, rows.count)
    case .constant(let number): fillConstant(vector, number, rows.count)
    case .codes(let codes): fillCodes(vector, codes, rows)
    case .numbers(let numbers): copy(numbers, rows, to: vector)
    case .counted(let numbers, let counts):
      copy(numbers, rows, to: vector)
      vector.prepareValidity(rowCount: vector.capacity)
      for (target, row) in zip(rowCount..., rows) {
        unsafe vector.validity[target] = counts[row] == 0 ? 0 : 1
      }
    }
    if vector.hasNulls {
      if case .counted = column { return }
      if case .codes = column, vector.layout == .bool { return }
      let isNull = column.isNull
      unsafe (vector.validity + rowCount).update(repeating: isNull ? 0 : 1, count: rows.count)
    }
  }

  private func fillNull(_ vector: Vector, _ count: Int) {
    if vector.layout == .code {
      unsafe (vector.codes + rowCount).update(repeating: nullSymbolCode, count: count)
    } else {
      vector.prepareValidity(rowCount: vector.capacity)
      fillConstant(vector, 0, count)
    }
  }

  private func fillConstant(_ vector: Vector, _ number: Int64, _ count: Int) {
    switch vector.layout {
    case .code:
      unsafe (vector.codes + rowCount).update(
        repeating: SymbolCode(truncatingIfNeeded: number), count: count)
    case .bool:
      unsafe (vector.bools + rowCount).update(repeating: number == 0 ? 0 : 1, count: count)
    default: unsafe (vector.int64s + rowCount).update(repeating: number, count: count)
    }
  }

  private func fillCodes(_ vector: Vector, _ codes: [SymbolCode], _ rows: Range<Int>) {
    unsafe codes.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress, rows.upperBound <= source.count else { return }
      // SAFETY: the batch has room for the rows, which lie within the source.
      switch vector.layout {
      case .code:
        unsafe (vector.codes + rowCount).update(from: base + rows.lowerBound, count: rows.count)
      case .bool:
        vector.prepareValidity(rowCount: vector.capacity)
        for (target, row) in zip(rowCount..., rows) {
          unsafe vector.bools[target] = base[row] == 2 ? 1 : 0
          unsafe vector.validity[target] = base[row] == 0 ? 0 : 1
        }
      default:
        for (target, row) in zip(rowCount..., rows) {
          unsafe vector.int64s[target] = Int64(base[row])
        }
      }
    }
  }

  private func copy(_ numbers: [Int64], _ rows: Range<Int>, to vector: Vector) {
    unsafe numbers.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress, rows.upperBound <= source.count else { return }
      // SAFETY: the batch has room for the rows, which lie within the source.
      unsafe (vector.int64s + rowCount).update(from: base + rows.lowerBound, count: rows.count)
    }
  }

  private func fillSets(_ index: Int, _ column: SliceColumn, _ rows: Range<Int>) {
    guard case .bitmaps(let bitmaps) = column else {
      return fill(valueVectors[index], column, rows)
    }
    let first = Int64(input.bitmaps[index].count)
    for (offset, target) in (rowCount..<(rowCount + rows.count)).enumerated() {
      unsafe valueVectors[index].int64s[target] = first + Int64(offset)
    }
    input.bitmaps[index].append(contentsOf: bitmaps[rows])
  }

  private func fillHistograms(_ index: Int, _ column: SliceColumn, _ rows: Range<Int>) {
    let first = Int64(input.histograms[index].count)
    for (offset, target) in (rowCount..<(rowCount + rows.count)).enumerated() {
      unsafe valueVectors[index].int64s[target] = first + Int64(offset)
    }
    for row in rows {
      switch column {
      case .histograms(let all): input.histograms[index].append(.row(all, row))
      case .bucket(let bucket, let counts):
        input.histograms[index].append(.bucket(bucket, count: counts[row]))
      default: input.histograms[index].append(.none)
      }
    }
  }

  // MARK: Days

  /// Expressions that have one value a day.
  private func fillDays(_ day: Day, _ count: Int) throws(TallyError) {
    guard !dayVectors.isEmpty else { return }
    if dayValues?.day != day {
      var values: [Value] = []
      for expression in plan.dayExpressions {
        values.append(try DayExpressions.value(of: expression, on: day))
      }
      dayValues = (day, values)
    }
    for (vector, value) in zip(dayVectors, dayValues?.values ?? []) {
      if vector.layout == .code { vector.pool = context.texts }
      if case .text(let text) = value {
        unsafe vector.codes[rowCount] = try context.texts.withGrowingTable { $0.intern(text) }
      } else {
        try vector.set(rowCount, value)
      }
      vector.repeatRow(rowCount, count: count)
    }
  }

  // MARK: Delivery

  private func flush(_ emit: (Batch) throws(TallyError) -> Void) throws(TallyError) {
    guard rowCount > 0 else { return }
    var isPartial = false
    for test in tests {
      try test.apply(
        selection, isPartial: &isPartial, rowCount: rowCount, vectors: vectors)
      if isPartial, selection.count == 0 { break }
    }
    if !isPartial || selection.count > 0 {
      let columns = Array(vectors.prefix(plan.outputCount)) + dayVectors + valueVectors
      let all = Batch(rowCount: rowCount, columns: columns)
      try emit(isPartial ? subset.take(all, selection) : all)
    }
    begin()
    try context.cancellation.check()
  }
}

extension SliceColumn {
  fileprivate var isNull: Bool {
    switch self {
    case .null, .unused: true
    default: false
    }
  }

  /// Whether a set of values is given by its one code.
  fileprivate var isCoded: Bool {
    if case .bitmaps = self { false } else { true }
  }
}

extension Vector {
  /// Writes what row `row` of a flat vector has to the `count - 1` rows behind it.
  fileprivate func repeatRow(_ row: Int, count: Int) {
    switch layout {
    case .int64: unsafe (int64s + row).update(repeating: int64s[row], count: count)
    case .int128: unsafe (int128s + row).update(repeating: int128s[row], count: count)
    case .double: unsafe (doubles + row).update(repeating: doubles[row], count: count)
    case .bool: unsafe (bools + row).update(repeating: bools[row], count: count)
    case .code: unsafe (codes + row).update(repeating: codes[row], count: count)
    }
    if hasNulls { unsafe (validity + row).update(repeating: validity[row], count: count) }
  }
}
