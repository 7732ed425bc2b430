import TallyBase

/// Tells a scan how many rows its consumer will take. The `Limit` itself stays: workers may read a
/// few rows more.
struct LimitPushdown: OptimizerRule {
  static let name = "limit_pushdown"

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedUp { node in
      guard case .limit(let limit) = node, let count = limit.limit else { return node }
      let (rowCount, overflow) = count.addingReportingOverflow(limit.offset)
      return overflow ? node : node.withInput(push(rowCount, into: limit.input))
    }
  }

  private func push(_ rowCount: Int, into plan: LogicalPlan) -> LogicalPlan {
    switch plan {
    case .scan(var scan):
      scan.rowLimit = min(scan.rowLimit ?? rowCount, rowCount)
      return .scan(scan)
    case .project(var project):
      project.input = push(rowCount, into: project.input)
      return .project(project)
    default:
      return plan
    }
  }
}
