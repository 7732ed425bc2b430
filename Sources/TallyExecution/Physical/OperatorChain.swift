import TallyBase
import TallyPlanning
import TallyStorage

/// A logical plan as the chain of operators it is (no operator has two inputs): the scan, then
/// what is done to its rows, first things first.
struct OperatorChain: Sendable {
  enum Source: Sendable {
    case scan(LogicalPlan.Scan)
    case values(LogicalPlan.Values)
  }

  enum Step: Sendable {
    case filter(BoundExpression)
    case project([BoundExpression])
    case aggregate(LogicalPlan.Aggregate)
    case sort([LogicalPlan.SortKey], limit: Int?, offset: Int)
    case limit(Int?, offset: Int)

    var isBreaker: Bool {
      switch self {
      case .aggregate, .sort: true
      default: false
      }
    }
  }

  var source: Source
  var steps: [Step]
  /// Names of the result columns, from the topmost projection.
  var names: [String]
  var types: [LogicalType]

  init(_ plan: LogicalPlan) {
    var steps: [Step] = []
    var names: [String]?
    var current = plan
    while true {
      switch current {
      case .scan(let scan):
        source = .scan(scan)
        self.names = names ?? scan.columns.map(\.name)
        types = OperatorChain.types(of: plan)
        self.steps = steps.reversed()
        return
      case .values(let values):
        source = .values(values)
        self.names = names ?? values.names
        types = OperatorChain.types(of: plan)
        self.steps = steps.reversed()
        return
      case .filter(let filter):
        steps.append(.filter(filter.predicate))
        current = filter.input
      case .project(let project):
        steps.append(.project(project.expressions))
        names = names ?? project.names
        current = project.input
      case .aggregate(let aggregate):
        steps.append(.aggregate(aggregate))
        names = names ?? (0..<(aggregate.keys.count + aggregate.calls.count)).map { "column\($0)" }
        current = aggregate.input
      case .sort(let sort):
        steps.append(.sort(sort.keys, limit: nil, offset: 0))
        current = sort.input
      case .topN(let top):
        steps.append(.sort(top.keys, limit: top.limit, offset: top.offset))
        current = top.input
      case .limit(let limit):
        steps.append(.limit(limit.limit, offset: limit.offset))
        current = limit.input
      }
    }
  }

  /// Types of a node's output columns.
  static func types(of plan: LogicalPlan) -> [LogicalType] {
    switch plan {
    case .scan(let scan): scan.columns.map(\.type)
    case .values(let values): values.types
    case .filter(let filter): types(of: filter.input)
    case .sort(let sort): types(of: sort.input)
    case .topN(let top): types(of: top.input)
    case .limit(let limit): types(of: limit.input)
    case .project(let project): project.expressions.map(\.type)
    case .aggregate(let aggregate): aggregate.keys.map(\.type) + aggregate.calls.map(\.type)
    }
  }
}
