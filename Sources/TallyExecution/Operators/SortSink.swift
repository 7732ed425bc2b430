import TallyBase
import TallyPlanning

/// Sorts all rows, or keeps only the first `limit + offset` of them (top-n).
///
/// Rows of equal keys keep their order of arrival by task, so the answer does not depend on the
/// number of threads. A top-n prunes whenever it has gathered a few times what it needs, and from
/// then on drops rows that are worse than the worst it keeps before it stores them.
final class SortSink: Sink {
  private let keys: [LogicalPlan.SortKey]
  private let keyNodes: [ExpressionNode]
  private let limit: Int?
  private let offset: Int
  private let context: QueryContext
  private let rows: RowStore
  private let sequence = Vector(type: .int64)
  private var task: Int64 = 0
  private var taskRowCount: Int64 = 0
  private var inputCount = 0
  private var threshold: RowThreshold?
  private let selection = SelectionVector()
  private let subset = BatchSubset()

  /// - Parameter limit: rows wanted after `offset`, nil for all.
  init(
    keys: [LogicalPlan.SortKey], limit: Int?, offset: Int, context: QueryContext
  ) throws(TallyError) {
    self.keys = keys
    self.limit = limit
    self.offset = offset
    self.context = context
    keyNodes = try ExpressionCompiler(context: context).compile(keys.map(\.expression))
    rows = RowStore(budget: context.budget)
  }

  override func begin(task: Int) {
    self.task = Int64(task)
    taskRowCount = 0
  }

  override func process(_ batch: Batch) throws(TallyError) {
    var vectors = batch.columns
    inputCount = vectors.count
    for node in keyNodes { vectors.append(try node.evaluate(batch)) }
    sequence.reset()
    for row in 0..<batch.rowCount {
      unsafe sequence.int64s[row] = task << 40 | (taskRowCount &+ Int64(row))
    }
    taskRowCount += Int64(batch.rowCount)
    vectors.append(sequence)
    try add(Batch(rowCount: batch.rowCount, columns: vectors))
  }

  private func add(_ batch: Batch) throws(TallyError) {
    guard let kept = keptCount else {
      return try rows.append(batch.columns, rowCount: batch.rowCount)
    }
    var input = batch
    if let threshold {
      let keyVectors = batch.columns[inputCount..<(inputCount + keys.count)]
      try threshold.select(Array(keyVectors), batch.rowCount, into: selection)
      guard selection.count > 0 else { return }
      input = subset.take(batch, selection)
    }
    try rows.append(input.columns, rowCount: input.rowCount)
    if rows.rowCount > max(4 * kept, 4_096) { try prune(kept) }
  }

  /// Rows a top-n must keep, nil for a full sort.
  private var keptCount: Int? {
    limit.map { $0.addingReportingOverflow(offset) }.map { $0.overflow ? .max : $0.partialValue }
  }

  private func prune(_ kept: Int) throws(TallyError) {
    let order = try sortedRows(first: kept)
    rows.keep(order)
    guard kept > 0, rows.rowCount == kept else { return }
    let keyColumns = Array(rows.columns[inputCount..<(inputCount + keys.count)])
    threshold = try RowThreshold(keyColumns, row: rows.rowCount - 1, keys: keys)
  }

  override func merge(_ other: Sink) throws(TallyError) {
    guard let other = other as? SortSink, other.rows.rowCount > 0 else { return }
    inputCount = other.inputCount
    try rows.append(other.rows)
  }

  private func sortedRows(first count: Int) throws(TallyError) -> [Int] {
    let keyColumns = Array(rows.columns[inputCount..<(inputCount + keys.count)])
    guard let sequence = rows.columns.last else { return [] }
    let byteCount = RowOrder.byteCount(rowCount: rows.rowCount, keyCount: keys.count)
    try context.budget.reserve(byteCount)
    defer { context.budget.release(byteCount) }
    let order = try RowOrder(keys: keys, columns: keyColumns, sequence: sequence.int64s)
    return order.sorted(rowCount: rows.rowCount, first: count)
  }

  /// Lets go of rows that cannot be among the first `kept`, by their first key alone: the others
  /// are few, and only they are ordered by all keys.
  private func dropLast(_ kept: Int) throws(TallyError) {
    guard kept > 0, kept < rows.rowCount / 4, let key = keys.first,
      let sequence = rows.columns.last, rows.columns[inputCount].layout != .code
    else { return }
    let byteCount = 2 * RowOrder.byteCount(rowCount: rows.rowCount, keyCount: 1)
    try context.budget.reserve(byteCount)
    defer { context.budget.release(byteCount) }
    let order = try RowOrder(
      keys: [key], columns: [rows.columns[inputCount]], sequence: sequence.int64s)
    rows.keep(order.candidates(first: kept))
  }

  override func produce(into next: Consumer) throws(TallyError) {
    guard rows.rowCount > 0 else { return }
    if let keptCount { try dropLast(keptCount) }
    let order = try sortedRows(first: keptCount ?? .max)
    let wanted = order.dropFirst(offset).prefix(limit ?? .max)
    let vectors = rows.columns.prefix(inputCount).map { Vector(type: $0.type) }
    var start = wanted.startIndex
    while start < wanted.endIndex {
      let end = min(start + context.options.batchRowCount, wanted.endIndex)
      rows.load(wanted[start..<end], into: vectors)
      try next.consume(Batch(rowCount: end - start, columns: vectors))
      start = end
      try context.cancellation.check()
    }
  }
}
