import TallyBase

/// Reads and computes only the columns that something above needs.
struct ProjectionPruning: OptimizerRule {
  static let name = "projection_pruning"

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    prune(plan, needed: Set(plan.outputTypes.indices)).plan
  }

  /// The plan with at least the `needed` output columns, and where each of them is now.
  private func prune(
    _ plan: LogicalPlan, needed: Set<Int>
  ) -> (plan: LogicalPlan, places: [Int: Int]) {
    switch plan {
    case .scan(let scan): return prune(scan, needed)
    case .project(let project): return prune(project, needed)
    case .aggregate(let aggregate): return prune(aggregate, needed)
    case .filter(let filter): return passThrough(plan, [filter.predicate], needed)
    case .sort(let sort): return passThrough(plan, sort.keys.map(\.expression), needed)
    case .topN(let topN): return passThrough(plan, topN.keys.map(\.expression), needed)
    case .limit: return passThrough(plan, [], needed)
    case .values: return (plan, identity(plan.outputTypes.count))
    }
  }

  private func identity(_ count: Int) -> [Int: Int] {
    Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, $0) })
  }

  private func columns(of expressions: [BoundExpression]) -> Set<Int> {
    expressions.reduce(into: []) { $0.formUnion($1.columnIndexes) }
  }

  private func remap(_ expression: BoundExpression, _ places: [Int: Int]) -> BoundExpression {
    expression.mapColumns { places[$0] ?? $0 }
  }

  /// Operators that hand on their input's columns.
  private func passThrough(
    _ plan: LogicalPlan, _ expressions: [BoundExpression], _ needed: Set<Int>
  ) -> (plan: LogicalPlan, places: [Int: Int]) {
    guard let input = plan.input else { return (plan, identity(plan.outputTypes.count)) }
    let (pruned, places) = prune(input, needed: needed.union(columns(of: expressions)))
    let remapped = plan.mapExpressions { remap($0, places) }
    return (remapped.withInput(pruned), places)
  }

  private func prune(
    _ scan: LogicalPlan.Scan, _ needed: Set<Int>
  ) -> (plan: LogicalPlan, places: [Int: Int]) {
    let kept = needed.union(columns(of: scan.predicates)).sorted()
    let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
    var result = scan
    result.columns = kept.map { scan.columns[$0] }
    result.predicates = scan.predicates.map { remap($0, places) }
    return (.scan(result), places)
  }

  private func prune(
    _ project: LogicalPlan.Project, _ needed: Set<Int>
  ) -> (plan: LogicalPlan, places: [Int: Int]) {
    let kept = needed.sorted()
    let expressions = kept.map { project.expressions[$0] }
    let (input, inner) = prune(project.input, needed: columns(of: expressions))
    let result = LogicalPlan.Project(
      input: input, expressions: expressions.map { remap($0, inner) },
      names: kept.map { project.names[$0] })
    return (
      .project(result), Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
    )
  }

  /// Keys stay: they make the groups. Calls nobody reads go.
  private func prune(
    _ aggregate: LogicalPlan.Aggregate, _ needed: Set<Int>
  ) -> (plan: LogicalPlan, places: [Int: Int]) {
    let keyCount = aggregate.keys.count
    var places = identity(keyCount)
    var calls: [AggregateCall] = []
    for (index, call) in aggregate.calls.enumerated() where needed.contains(keyCount + index) {
      places[keyCount + index] = keyCount + calls.count
      calls.append(call)
    }
    let read = aggregate.keys + calls.compactMap(\.argument) + calls.compactMap(\.filter)
    let (input, inner) = prune(aggregate.input, needed: columns(of: read))
    let result = LogicalPlan.aggregate(
      .init(input: input, keys: aggregate.keys, calls: calls))
    return (result.mapExpressions { remap($0, inner) }, places)
  }
}
