import TallyBase

/// The rows of an import that are in memory, and what they need to become rows of the store.
struct ImportRows {
  let catalog: LiveCatalog
  private(set) var days: [Day: DayBuffer] = [:]
  /// Memory held by rows.
  private(set) var byteCount = 0
  private(set) var rowCountTotal = 0
  private var byteCountTotal = 0
  private var batchNumber = 0

  /// `ingested_at` of all rows that bring none, in microseconds; nil: each batch has its own.
  private let startTime: Int64?
  /// Whether rows with an event id are numbered; see `Arrivals`.
  private let isNumbering: Bool

  init(catalog: LiveCatalog, startTime: Int64? = nil, isNumbering: Bool = false) {
    self.catalog = catalog
    self.isNumbering = isNumbering
    self.startTime = startTime
  }

  /// Memory a row takes, from experience; not less than a row of a few columns.
  var rowByteCount: Int { max(32, byteCountTotal / max(1, rowCountTotal)) }

  // MARK: Taking rows

  /// Takes a checked batch.
  ///
  /// - Parameters:
  ///   - columns: the batch's columns and codes as `catalog` has them.
  ///   - ingestedAt: `ingested_at` of rows that bring none, in microseconds, unless all of the
  ///     import's rows have the same.
  /// - Returns: the days that got rows, and for each the buffer's row that its first one became;
  ///   a day's rows follow each other in the batch's order.
  @discardableResult
  mutating func append(
    _ batch: EventBatch, times: [Int64], columns: LiveCatalog.Resolved, ingestedAt: Int64
  ) -> DaySplit {
    batchNumber += 1
    let split = DaySplit(times)
    let before = byteCount
    for (index, source) in batch.columns.enumerated() {
      append(
        source, as: columns.columns[index], codes: columns.storeCodes[index], split: split,
        ingestedAt: ingestedAt)
    }
    stampMissing(batch, split, ingestedAt)
    if isNumbering, Arrivals.areNeeded(for: batch) {
      let first = Int64(rowCountTotal)
      let numbers = Array(first..<(first + Int64(batch.rowCount)))
      append(numbers, [], as: Arrivals.column, split: split)
    }
    for (index, day) in split.days.enumerated() {
      guard let buffer = days[day] else { continue }
      buffer.addRows(split.selection(index).count(of: batch.rowCount))
      buffer.lastBatchNumber = batchNumber
    }
    rowCountTotal += batch.rowCount
    byteCountTotal += byteCount - before
    return split
  }

  /// Rows of a batch without `ingested_at` get the moment the batch came.
  private mutating func stampMissing(
    _ batch: EventBatch, _ split: DaySplit, _ ingestedAt: Int64
  ) {
    let column = catalog.schema.columns[Schema.ingestedAtColumnID]
    guard startTime == nil, batch.column(named: column.name) == nil else { return }
    let stamps = [Int64](repeating: ingestedAt, count: batch.rowCount)
    append(stamps, [], as: column, split: split)
  }

  private mutating func append(
    _ source: EventColumn, as column: ColumnSchema, codes storeCodes: [SymbolCode],
    split: DaySplit, ingestedAt: Int64
  ) {
    switch source.values {
    case .int64(var values):
      var validity = source.validity
      if column.id == Schema.ingestedAtColumnID, !validity.isEmpty {
        for row in values.indices where validity[row] == 0 { values[row] = ingestedAt }
        validity = []
      }
      append(values, validity, as: column, split: split)
    case .bool(let values): append(values, source.validity, as: column, split: split)
    case .double(let values): append(values, source.validity, as: column, split: split)
    case .symbol(let codes, _):
      append(ImportRows.remap(codes, storeCodes), [], as: column, split: split)
    case .text(let offsets, let bytes):
      forEachDay(split, column) { buffer, selection, start in
        buffer.appendText(
          offsets: offsets, bytes: bytes, validity: source.validity, selection: selection,
          at: start)
      }
    }
  }

  private static func remap(_ codes: [SymbolCode], _ storeCodes: [SymbolCode]) -> [SymbolCode] {
    unsafe storeCodes.withUnsafeBufferPointer { storeCodes in
      unsafe codes.withUnsafeBufferPointer { codes in
        unsafe [SymbolCode](unsafeUninitializedCapacity: codes.count) { target, initialized in
          // SAFETY: codes are at most the number of the table's entries, which `BatchCheck` has
          // verified, and `storeCodes` has one more than that.
          for row in 0..<codes.count { unsafe target[row] = storeCodes[Int(codes[row])] }
          initialized = codes.count
        }
      }
    }
  }

  private mutating func append<Element: BitwiseCopyable>(
    _ values: [Element], _ validity: [UInt8], as column: ColumnSchema, split: DaySplit
  ) {
    let hasNulls = validity.contains(0)
    unsafe values.withUnsafeBytes { source in
      unsafe validity.withUnsafeBufferPointer { validity in
        guard let base = source.baseAddress else { return }
        forEachDay(split, column) { buffer, selection, start in
          // SAFETY: both buffers have an entry for each row of the batch, as `BatchCheck` saw.
          unsafe buffer.append(
            base, validity: hasNulls ? validity.baseAddress : nil, rowCount: values.count,
            selection: selection, at: start)
        }
      }
    }
  }

  private mutating func forEachDay(
    _ split: DaySplit, _ column: ColumnSchema,
    _ append: (inout ColumnBuffer, ColumnBuffer.Selection, _ start: Int) -> Int
  ) {
    var missing = MissingValue(of: column)
    if column.id == Schema.ingestedAtColumnID, let startTime { missing = .value(startTime) }
    for (index, day) in split.days.enumerated() {
      let buffer = days[day] ?? DayBuffer(day: day)
      days[day] = buffer
      let before = buffer.byteCount
      buffer.withColumn(column, missing: missing) { column, start in
        append(&column, split.selection(index), start)
      }
      byteCount += buffer.byteCount - before
    }
  }

  // MARK: Giving rows away

  /// Removes and returns days to be written: those that input has moved past first, then the
  /// largest, until at most `byteCountKept` bytes stay.
  mutating func takeDays(byteCountKept: Int) -> [DayBuffer] {
    let candidates = days.values.sorted { left, right in
      if left.lastBatchNumber != right.lastBatchNumber {
        return left.lastBatchNumber < right.lastBatchNumber
      }
      return left.byteCount == right.byteCount
        ? left.day < right.day : left.byteCount > right.byteCount
    }
    var taken: [DayBuffer] = []
    for buffer in candidates where byteCount > byteCountKept {
      days[buffer.day] = nil
      byteCount -= buffer.byteCount
      taken.append(buffer)
    }
    return taken
  }
}
