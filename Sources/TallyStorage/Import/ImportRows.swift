import TallyBase

/// The rows of an import that are in memory, and what they need to become rows of the store.
struct ImportRows {
  private(set) var schema: Schema
  private(set) var dictionaries: ImportDictionaries
  private(set) var days: [Day: DayBuffer] = [:]
  /// Memory held by rows.
  private(set) var byteCount = 0
  private(set) var rowCountTotal = 0
  private var byteCountTotal = 0
  private var batchNumber = 0
  /// `ingested_at` of rows that bring none, in microseconds.
  private let startTime: Int64

  init(schema: Schema, dictionaries: ImportDictionaries, startTime: Int64) {
    self.schema = schema
    self.dictionaries = dictionaries
    self.startTime = startTime
  }

  /// Memory a row takes, from experience; not less than a row of a few columns.
  var rowByteCount: Int { max(32, byteCountTotal / max(1, rowCountTotal)) }

  /// What rows that do not name `column` have.
  func missing(_ column: ColumnSchema) -> MissingValue {
    column.id == Schema.ingestedAtColumnID ? .value(startTime) : MissingValue(of: column)
  }

  // MARK: Taking rows

  /// Takes a checked batch whole or not at all.
  ///
  /// - Throws: `invalidInput`, `resourceExhausted`, and `io` or `corruption` from reading a
  ///   committed dictionary.
  mutating func append(_ batch: EventBatch, times: [Int64]) throws(TallyError) {
    let columns = try resolve(batch)
    batchNumber += 1
    let split = DaySplit(times)
    let before = byteCount
    for (source, column) in zip(batch.columns, columns) {
      append(source, as: column, split: split)
    }
    for (index, day) in split.days.enumerated() {
      guard let buffer = days[day] else { continue }
      buffer.addRows(split.selection(index).count(of: batch.rowCount))
      buffer.lastBatchNumber = batchNumber
    }
    rowCountTotal += batch.rowCount
    byteCountTotal += byteCount - before
  }

  /// The schema's columns for those of a batch; new ones are added.
  private mutating func resolve(_ batch: EventBatch) throws(TallyError) -> [ColumnSchema] {
    var grown = schema
    var columns: [ColumnSchema] = []
    for source in batch.columns {
      if let column = grown.column(named: source.name) {
        guard column.type == source.type else {
          throw TallyError(
            .invalidInput,
            "column '\(source.name)' has values of type \(source.type), the store has it as "
              + "\(column.type)",
            hint: "give the field another name, or convert its values")
        }
        columns.append(column)
      } else {
        columns.append(try grown.append(name: source.name, type: source.type))
      }
    }
    for (source, column) in zip(batch.columns, columns) {
      if case .symbol(_, let table) = source.values {
        try dictionaries.prepare(column, for: table)
      }
    }
    schema = grown
    return columns
  }

  private mutating func append(
    _ source: EventColumn, as column: ColumnSchema, split: DaySplit
  ) {
    switch source.values {
    case .int64(var values):
      var validity = source.validity
      if column.id == Schema.ingestedAtColumnID, !validity.isEmpty {
        for row in values.indices where validity[row] == 0 { values[row] = startTime }
        validity = []
      }
      append(values, validity, as: column, split: split)
    case .bool(let values): append(values, source.validity, as: column, split: split)
    case .double(let values): append(values, source.validity, as: column, split: split)
    case .symbol(let codes, let table):
      let storeCodes = dictionaries.remap(codes, of: table, column: column)
      append(storeCodes, [], as: column, split: split)
    case .text(let offsets, let bytes):
      forEachDay(split, column) { buffer, selection, start in
        buffer.appendText(
          offsets: offsets, bytes: bytes, validity: source.validity, selection: selection,
          at: start)
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
    let missing = missing(column)
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
