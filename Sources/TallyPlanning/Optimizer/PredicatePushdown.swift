import TallyBase

/// Moves conditions toward the scan: through projections and sorts, below an aggregate where they
/// concern only its keys, and finally into the scan as separate conjuncts.
struct PredicatePushdown: OptimizerRule {
  static let name = "predicate_pushdown"

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    if case .filter(let filter) = plan {
      return push(PredicatePushdown.conjuncts(of: filter.predicate), into: filter.input)
    }
    guard let input = plan.input else { return plan }
    return plan.withInput(apply(input))
  }

  static func conjuncts(of predicate: BoundExpression) -> [BoundExpression] {
    if case .and(let terms) = predicate.kind { terms.flatMap(conjuncts) } else { [predicate] }
  }

  private func push(_ predicates: [BoundExpression], into plan: LogicalPlan) -> LogicalPlan {
    switch plan {
    case .filter(let filter):
      let inner = PredicatePushdown.conjuncts(of: filter.predicate)
      return push(inner + predicates, into: filter.input)
    case .scan(var scan):
      guard scan.rowLimit == nil else { return filtered(plan, predicates) }
      scan.predicates += predicates
      return .scan(scan)
    case .sort(var sort):
      sort.input = push(predicates, into: sort.input)
      return .sort(sort)
    case .project(var project):
      return pushThroughProject(predicates, &project)
    case .aggregate(var aggregate):
      return pushBelowAggregate(predicates, &aggregate)
    case .topN, .limit, .values:
      return filtered(plan.input.map { plan.withInput(apply($0)) } ?? plan, predicates)
    }
  }

  private func pushThroughProject(
    _ predicates: [BoundExpression], _ project: inout LogicalPlan.Project
  ) -> LogicalPlan {
    var pushed: [BoundExpression] = []
    var kept: [BoundExpression] = []
    for predicate in predicates {
      if let moved = predicate.substituting(project.expressions) {
        pushed.append(moved)
      } else {
        kept.append(predicate)
      }
    }
    project.input = pushed.isEmpty ? apply(project.input) : push(pushed, into: project.input)
    return filtered(.project(project), kept)
  }

  /// A condition on keys alone holds for all rows of a group or for none. Without keys there is a
  /// row even where no input row is left, so nothing may move.
  private func pushBelowAggregate(
    _ predicates: [BoundExpression], _ aggregate: inout LogicalPlan.Aggregate
  ) -> LogicalPlan {
    let keyCount = aggregate.keys.count
    var pushed: [BoundExpression] = []
    var kept: [BoundExpression] = []
    for predicate in predicates {
      let columns = predicate.columnIndexes
      if keyCount > 0, !columns.isEmpty, columns.allSatisfy({ $0 < keyCount }),
        let moved = predicate.substituting(aggregate.keys)
      {
        pushed.append(moved)
      } else {
        kept.append(predicate)
      }
    }
    aggregate.input = pushed.isEmpty ? apply(aggregate.input) : push(pushed, into: aggregate.input)
    return filtered(.aggregate(aggregate), kept)
  }

  private func filtered(_ plan: LogicalPlan, _ predicates: [BoundExpression]) -> LogicalPlan {
    guard let first = predicates.first else { return plan }
    let predicate =
      predicates.count == 1 ? first : BoundExpression(.and(predicates), type: .bool)
    return .filter(.init(input: plan, predicate: predicate))
  }
}
