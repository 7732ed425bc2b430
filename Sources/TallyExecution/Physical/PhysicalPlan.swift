import TallyBase
import TallyLanguage
import TallyPlanning
import TallyStorage

/// Everything decided before the first row is read: the scan, and how each step runs.
struct PhysicalPlan: Sendable {
  var scan: ScanPlan?
  var values: LogicalPlan.Values?
  var steps: [Step]
  var names: [String]
  var types: [LogicalType]
  /// What is read from tables of sums; nil: only rows are read.
  var rollups: RollupScan?
  /// The first step is an aggregation whose groups never span days.
  var isPartitionwise = false
  /// Rows must be taken in order by one worker (a LIMIT without sort above the scan).
  var isSequential = false

  enum Step: Sendable {
    case filter(BoundExpression)
    case project([BoundExpression])
    case aggregate(AggregatePlan)
    case sort([LogicalPlan.SortKey], limit: Int?, offset: Int)
    case limit(Int?, offset: Int)

    var isBreaker: Bool {
      switch self {
      case .aggregate, .sort: true
      default: false
      }
    }

    var name: String {
      switch self {
      case .filter: "Filter"
      case .project: "Project"
      case .aggregate: "Aggregate"
      case .sort(_, let limit, _): limit == nil ? "Sort" : "TopN"
      case .limit: "Limit"
      }
    }
  }
}

/// Decides how a logical plan is executed on a store's snapshot.
struct PhysicalPlanner {
  let context: QueryContext

  func plan(_ logical: LogicalPlan) throws(TallyError) -> PhysicalPlan {
    let chain = OperatorChain(logical)
    guard case .scan(let scan) = chain.source else {
      return try planValues(chain)
    }
    var steps = chain.steps
    let reach = PhysicalPlanner.scanReach(steps)
    let rollupNeeds = PhysicalPlanner.rollupNeeds(scan, steps)
    let day = rewriteDays(scan, &steps, reach)
    let needed = PhysicalPlanner.neededColumns(scan, steps, reach)
    let scanPlan = try ScanPlanner(context: context).plan(
      scan, needed: needed, dayExpressions: day.found, rollups: rollupNeeds)
    let facts = try ScanFacts(plan: scanPlan, context: context).inputFacts()
    var plan = PhysicalPlan(
      scan: scanPlan, steps: [], names: chain.names, types: chain.types)
    plan.isPartitionwise = isPartitionwise(steps, scanPlan, day)
    plan.steps = try physical(steps, facts, scanPlan, isPartitionwise: plan.isPartitionwise)
    plan.isSequential = PhysicalPlanner.isSequential(steps)
    if case .aggregate(let aggregate)? = plan.steps.first,
      !context.options.disabledRules.contains("page_sums")
    {
      plan.scan?.isOnlySummed = scanPlan.columns.indices.map { aggregate.onlySums(column: $0) }
      plan.scan?.takesWholePages = aggregate.takesWholePages
    }
    if let rollupNeeds { try plan.takeRollups(rollupNeeds) }
    return plan
  }

  private func planValues(_ chain: OperatorChain) throws(TallyError) -> PhysicalPlan {
    guard case .values(let values) = chain.source else {
      throw TallyError(.internal, "a plan without a source")
    }
    var plan = PhysicalPlan(values: values, steps: [], names: chain.names, types: chain.types)
    plan.steps = try physical(chain.steps, InputFacts(), nil, isPartitionwise: false)
    return plan
  }

  private func physical(
    _ steps: [OperatorChain.Step], _ scanFacts: InputFacts, _ scan: ScanPlan?,
    isPartitionwise: Bool
  ) throws(TallyError) -> [PhysicalPlan.Step] {
    var facts = scanFacts
    let rowCount = scan?.rowCountMax ?? 0
    let eventCount = scan?.eventCountMax ?? 0
    var isFirst = isPartitionwise
    var result: [PhysicalPlan.Step] = []
    for step in steps {
      switch step {
      case .filter(let predicate): result.append(.filter(predicate))
      case .project(let expressions):
        result.append(.project(expressions))
        facts = InputFacts()
      case .aggregate(let aggregate):
        result.append(
          .aggregate(
            try AggregatePlan(
              aggregate, facts: facts, rowCount: rowCount, eventCount: eventCount,
              isPartitionwise: isFirst)))
        isFirst = false
        facts = InputFacts()
      case .sort(let keys, let limit, let offset):
        result.append(.sort(keys, limit: limit, offset: offset))
      case .limit(let limit, let offset): result.append(.limit(limit, offset: offset))
      }
    }
    return result
  }

  /// Number of leading steps whose expressions read the scan's columns: up to the first step that
  /// makes new columns, that one included.
  private static func scanReach(_ steps: [OperatorChain.Step]) -> Int {
    for (index, step) in steps.enumerated() {
      switch step {
      case .project, .aggregate: return index + 1
      default: continue
      }
    }
    return steps.count
  }

  private func rewriteDays(
    _ scan: LogicalPlan.Scan, _ steps: inout [OperatorChain.Step], _ reach: Int
  ) -> DayExpressions {
    let time = scan.columns.firstIndex { $0.id == Schema.timeColumnID } ?? -1
    var day = DayExpressions(timeColumn: time, firstColumn: scan.columns.count)
    // Appended columns must not reach a plan's result.
    let redefines = steps.prefix(reach).contains {
      switch $0 {
      case .project, .aggregate: true
      default: false
      }
    }
    guard time >= 0, redefines else { return day }
    for index in 0..<reach {
      steps[index] = PhysicalPlanner.mapExpressions(steps[index]) { day.rewrite($0) }
    }
    return day
  }

  private static func mapExpressions(
    _ step: OperatorChain.Step, _ body: (BoundExpression) -> BoundExpression
  ) -> OperatorChain.Step {
    switch step {
    case .filter(let predicate): return .filter(body(predicate))
    case .project(let expressions): return .project(expressions.map(body))
    case .aggregate(var aggregate):
      aggregate.keys = aggregate.keys.map(body)
      aggregate.calls = aggregate.calls.map { call in
        var call = call
        call.argument = call.argument.map(body)
        call.filter = call.filter.map(body)
        return call
      }
      return .aggregate(aggregate)
    case .sort(let keys, let limit, let offset):
      let mapped = keys.map { key in
        var key = key
        key.expression = body(key.expression)
        return key
      }
      return .sort(mapped, limit: limit, offset: offset)
    case .limit: return step
    }
  }

  private static func neededColumns(
    _ scan: LogicalPlan.Scan, _ steps: [OperatorChain.Step], _ reach: Int
  ) -> [Bool] {
    var needed: Set<Int> = []
    var redefines = false
    for step in steps.prefix(reach) {
      _ = mapExpressions(step) { expression in
        needed.formUnion(expression.columnIndexes)
        return expression
      }
      switch step {
      case .project, .aggregate: redefines = true
      default: break
      }
    }
    return scan.columns.indices.map { !redefines || needed.contains($0) }
  }

  /// Whether the first aggregation's keys tell days apart, so that days can be done one by one.
  private func isPartitionwise(
    _ steps: [OperatorChain.Step], _ scan: ScanPlan, _ day: DayExpressions
  ) -> Bool {
    guard !context.options.disabledRules.contains("partitionwise_aggregation"),
      let first = steps.firstIndex(where: \.isBreaker),
      case .aggregate(let aggregate) = steps[first],
      !steps[..<first].contains(where: { if case .project = $0 { true } else { false } })
    else { return false }
    // Tables of sums are small: better packed than day by day.
    guard scan.slices.isEmpty || !scan.morsels.isEmpty else { return false }
    let days = Set(scan.morsels.map(\.segment.info.day)).count
    guard days >= context.options.threadCount * 4 else { return false }
    return aggregate.keys.contains { determinesDay($0, day, scan) }
  }

  private func determinesDay(
    _ key: BoundExpression, _ day: DayExpressions, _ scan: ScanPlan
  ) -> Bool {
    switch key.kind {
    case .column(let index):
      if index == day.timeColumn { return true }
      guard index >= day.firstColumn, index - day.firstColumn < day.found.count else {
        return false
      }
      let expression = day.found[index - day.firstColumn]
      if case .call(.dateTruncate(.day), _) = expression.kind { return true }
      if case .cast = expression.kind, expression.type == .date { return true }
      return false
    case .call(.dateTruncate(let unit), let arguments):
      guard case .column(let index)? = arguments.first?.kind, index == day.timeColumn else {
        return false
      }
      switch unit {
      case .microsecond, .millisecond, .second, .minute, .hour, .day: return true
      default: return false
      }
    default: return false
    }
  }

  private static func isSequential(_ steps: [OperatorChain.Step]) -> Bool {
    for step in steps {
      if step.isBreaker { return false }
      if case .limit = step { return true }
    }
    return false
  }
}
