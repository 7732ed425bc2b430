import TallyBase

/// Keeps all rows, in task order: the end of every plan.
final class CollectSink: Sink {
  private var stores: [(task: Int, rows: RowStore)] = []
  private let budget: MemoryBudget
  private var task = 0

  init(budget: MemoryBudget) { self.budget = budget }

  override func begin(task: Int) {
    self.task = task
  }

  override func process(_ batch: Batch) throws(TallyError) {
    if stores.last?.task != task { stores.append((task, RowStore(budget: budget))) }
    try stores[stores.count - 1].rows.append(batch.columns, rowCount: batch.rowCount)
  }

  override func merge(_ other: Sink) throws(TallyError) {
    guard let other = other as? CollectSink else { return }
    stores.append(contentsOf: other.stores)
  }

  /// All rows as columns with the given names and types.
  func result(
    names: [String], types: [LogicalType], context: QueryContext
  ) throws(TallyError) -> ResultSet {
    stores.sort { $0.task < $1.task }
    let all = RowStore(budget: budget)
    if stores.count == 1 {
      return build(stores[0].rows, names, types, context)
    }
    while !stores.isEmpty {
      let next = stores.removeFirst()
      try all.append(next.rows)
    }
    return build(all, names, types, context)
  }

  private func build(
    _ rows: RowStore, _ names: [String], _ types: [LogicalType], _ context: QueryContext
  ) -> ResultSet {
    var columns: [ResultColumn] = []
    for (index, name) in names.enumerated() {
      let stored =
        index < rows.columns.count ? rows.columns[index] : StoredColumn(type: types[index])
      columns.append(stored.result(name: name, context: context))
    }
    return ResultSet(columns: columns, rowCount: rows.rowCount)
  }
}
