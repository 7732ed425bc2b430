import TallyBase

/// `Limit` over `Sort` as one operator that keeps only the first rows.
struct TopNFormation: OptimizerRule {
  static let name = "top_n"

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedUp { node in
      guard case .limit(let limit) = node, let count = limit.limit,
        case .sort(let sort) = limit.input,
        !count.addingReportingOverflow(limit.offset).overflow
      else { return node }
      return .topN(
        .init(input: sort.input, keys: sort.keys, limit: count, offset: limit.offset))
    }
  }
}
