import TallyBase
import TallyPlanning

/// Groups rows and computes aggregates.
///
/// Normally each worker aggregates what it scans and the tables are merged at the end. When a key
/// determines the day (`partitionwise`), tasks are whole days: no two tasks share a group, so each
/// task hands its groups on and starts afresh, and nothing is ever merged.
@safe final class AggregateSink: Sink {
  let plan: AggregatePlan
  let context: QueryContext
  let keyNodes: [ExpressionNode]
  private let argumentNodes: [ExpressionNode]
  let filterNodes: [ExpressionNode]
  let selection = SelectionVector()
  let compactIDs: UnsafeMutablePointer<UInt32>
  /// Nil between the tasks of a partition-wise aggregation.
  private var table: AggregateTable?
  /// Keys that have one value in the current task.
  let singleKeys: [Vector]
  var keyPools: [TextPool?]
  private var argumentPools: [TextPool?]
  /// Set: hand groups on after each task.
  private let partitionwiseNext: Consumer?

  init(
    plan: AggregatePlan, context: QueryContext, partitionwiseNext: Consumer?
  ) throws(TallyError) {
    self.plan = plan
    self.context = context
    self.partitionwiseNext = partitionwiseNext
    let compiler = ExpressionCompiler(context: context)
    keyNodes = try compiler.compile(plan.keys)
    argumentNodes = try compiler.compile(plan.arguments)
    filterNodes = try compiler.compile(plan.filters)
    keyPools = plan.keys.map { _ in nil }
    argumentPools = plan.arguments.map { _ in nil }
    unsafe compactIDs = .allocate(capacity: Vector.rowCountMax)
    unsafe compactIDs.initialize(repeating: 0, count: Vector.rowCountMax)
    singleKeys = plan.keys.map { Vector(type: $0.type, capacity: 1) }
    if partitionwiseNext == nil {
      table = try AggregateTable(plan: plan, day: nil, budget: context.budget)
    }
  }

  deinit { unsafe compactIDs.deallocate() }

  /// The table of this worker, or of the day that `batch` belongs to.
  func currentTable(_ batch: Batch) throws(TallyError) -> AggregateTable {
    if let table { return table }
    let made = try AggregateTable(plan: plan, day: day, budget: context.budget)
    table = made
    return made
  }

  /// Set while batches are rows of tables of sums.
  var partial: PartialInput?

  override func process(_ batch: Batch) throws(TallyError) {
    if let partial { return try process(batch, partial) }
    let table = try currentTable(batch)
    let groups = try assignGroups(batch, table)
    var arguments: [Vector?] = argumentNodes.map { _ in nil }
    func argument(of state: Int) throws(TallyError) -> Vector? {
      guard let wanted = plan.states[state].argument else { return nil }
      if arguments[wanted] == nil { arguments[wanted] = try evaluate(wanted, batch) }
      return arguments[wanted]
    }
    var isBanked = false
    if let bank = table.bank, groups.constant == nil, groups.runCount == 0 {
      var lanes: [Vector?] = []
      lanes.reserveCapacity(bank.states.count)
      for state in bank.states { lanes.append(try argument(of: state)) }
      isBanked = bank.add(groups, lanes)
    }
    for (index, specification) in plan.states.enumerated() where specification.filter == nil {
      if isBanked, table.bank?.states.contains(index) == true { continue }
      try table.states[index].update(groups, try argument(of: index))
    }
    for filter in filterNodes.indices { try processFiltered(filter, batch, groups, table) }
  }

  /// The groups of a batch's rows, the table having room for all of them.
  func assignGroups(_ batch: Batch, _ table: AggregateTable) throws(TallyError) -> GroupIDs {
    var keys: [Vector] = []
    keys.reserveCapacity(keyNodes.count)
    for (index, node) in keyNodes.enumerated() {
      let vector = try node.evaluate(batch)
      if let pool = vector.pool { keyPools[index] = pool }
      if case .single = plan.keyDomains[index] {
        singleKeys[index].slice(vector, start: 0, count: 1)
      }
      keys.append(vector)
    }
    let groups = try table.groups.assign(keys, rowCount: batch.rowCount)
    try table.prepare()
    return groups
  }

  func evaluate(_ argument: Int, _ batch: Batch) throws(TallyError) -> Vector {
    let vector = try argumentNodes[argument].evaluate(batch)
    if let pool = vector.pool { argumentPools[argument] = pool }
    return vector
  }

  /// Feeds the states of one FILTER with the rows that satisfy it. Arguments are computed for
  /// those rows only, so an error elsewhere is none.
  private func processFiltered(
    _ filter: Int, _ batch: Batch, _ groups: GroupIDs, _ table: AggregateTable
  ) throws(TallyError) {
    guard let input = try select(filter, batch, groups) else { return }
    for (index, specification) in plan.states.enumerated() where specification.filter == filter {
      let argument = try specification.argument.map { (wanted) throws(TallyError) in
        try evaluate(wanted, input.batch)
      }
      try table.states[index].update(input.groups, argument)
    }
  }

  /// The rows that satisfy a FILTER and their groups; nil if there are none.
  func select(
    _ filter: Int, _ batch: Batch, _ groups: GroupIDs
  ) throws(TallyError) -> (batch: Batch, groups: GroupIDs)? {
    let mask = try filterNodes[filter].evaluate(batch)
    mask.flatten(rowCount: batch.rowCount)
    if mask.hasNulls {
      for row in 0..<batch.rowCount { unsafe mask.bools[row] &= mask.validity[row] }
    }
    selection.count = unsafe SelectKernel.rows(
      mask.bools, batch.rowCount, into: selection.indexes)
    guard selection.count > 0 else { return nil }
    for index in 0..<selection.count {
      unsafe compactIDs[index] = groups.constant ?? groups.ids[Int(selection.indexes[index])]
    }
    let chosen = unsafe GroupIDs(
      ids: compactIDs, constant: groups.constant, rowCount: selection.count)
    return (filterSubset.take(batch, selection), chosen)
  }

  private let filterSubset = BatchSubset()

  override func begin(task: Int) { partitionwiseNext?.begin(task: task) }

  /// The day of the task under way, for partition-wise aggregation.
  private var day: Day?
  override func begin(day: Day) {
    self.day = day
    partitionwiseNext?.begin(day: day)
  }

  override func endTask() throws(TallyError) {
    guard let next = partitionwiseNext else { return }
    try produce(into: next)
    table = nil
    try next.endTask()
  }

  override func merge(_ other: Sink) throws(TallyError) {
    guard let other = other as? AggregateSink, let table, let theirs = other.table else { return }
    try table.merge(theirs)
    for index in keyPools.indices { keyPools[index] = keyPools[index] ?? other.keyPools[index] }
    for index in argumentPools.indices {
      argumentPools[index] = argumentPools[index] ?? other.argumentPools[index]
    }
  }

  override func produce(into next: Consumer) throws(TallyError) {
    guard let table else { return }
    try table.seal()
    let occupied = table.occupiedGroups()
    guard !occupied.isEmpty else { return }
    let keys = plan.keys.map { Vector(type: $0.type) }
    let results = plan.calls.map { Vector(type: $0.call.type) }
    var start = 0
    while start < occupied.count {
      let count = min(context.options.batchRowCount, occupied.count - start)
      try emit(table, occupied[start..<(start + count)], keys, results)
      try next.consume(Batch(rowCount: count, columns: keys + results))
      start += count
      try context.cancellation.check()
    }
  }

  private func emit(
    _ table: AggregateTable, _ groups: ArraySlice<UInt32>, _ keys: [Vector],
    _ results: [Vector]
  ) throws(TallyError) {
    for (index, key) in keys.enumerated() {
      key.reset()
      key.pool = keyPools[index] ?? context.texts
    }
    table.groups.restore(groups, into: keys)
    for (index, key) in keys.enumerated() {
      if case .single = plan.keyDomains[index] { key.becomeConstant(singleKeys[index]) }
    }
    let emitter = AggregateEmitter(plan: plan, table: table)
    for (index, result) in results.enumerated() {
      result.reset()
      let argument = plan.states[plan.calls[index].state].argument
      result.pool = argument.flatMap { argumentPools[$0] } ?? context.texts
      try emitter.emit(plan.calls[index], groups, into: result)
    }
  }
}
