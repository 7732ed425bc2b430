package import TallyBase

extension LogicalPlan {
  /// The types of the output columns.
  package var outputTypes: [LogicalType] {
    switch self {
    case .scan(let scan): scan.columns.map(\.type)
    case .filter(let filter): filter.input.outputTypes
    case .aggregate(let aggregate):
      aggregate.keys.map(\.type) + aggregate.calls.map(\.type)
    case .project(let project): project.expressions.map(\.type)
    case .sort(let sort): sort.input.outputTypes
    case .topN(let topN): topN.input.outputTypes
    case .limit(let limit): limit.input.outputTypes
    case .values(let values): values.types
    }
  }

  /// The operator's input, nil for a leaf.
  package var input: LogicalPlan? {
    switch self {
    case .scan, .values: nil
    case .filter(let filter): filter.input
    case .aggregate(let aggregate): aggregate.input
    case .project(let project): project.input
    case .sort(let sort): sort.input
    case .topN(let topN): topN.input
    case .limit(let limit): limit.input
    }
  }

  /// The same operator over another input. A leaf stays as it is.
  package func withInput(_ input: LogicalPlan) -> LogicalPlan {
    switch self {
    case .scan, .values:
      return self
    case .filter(var filter):
      filter.input = input
      return .filter(filter)
    case .aggregate(var aggregate):
      aggregate.input = input
      return .aggregate(aggregate)
    case .project(var project):
      project.input = input
      return .project(project)
    case .sort(var sort):
      sort.input = input
      return .sort(sort)
    case .topN(var topN):
      topN.input = input
      return .topN(topN)
    case .limit(var limit):
      limit.input = input
      return .limit(limit)
    }
  }

  /// The operator with its input transformed first, then itself: bottom up.
  package func transformedUp<Failure: Error>(
    _ transform: (LogicalPlan) throws(Failure) -> LogicalPlan
  ) throws(Failure) -> LogicalPlan {
    guard let input else { return try transform(self) }
    return try transform(withInput(try input.transformedUp(transform)))
  }

  /// The operator with every expression it evaluates transformed; its input is left alone.
  package func mapExpressions<Failure: Error>(
    _ transform: (BoundExpression) throws(Failure) -> BoundExpression
  ) throws(Failure) -> LogicalPlan {
    func all(_ expressions: [BoundExpression]) throws(Failure) -> [BoundExpression] {
      var result: [BoundExpression] = []
      for expression in expressions { result.append(try transform(expression)) }
      return result
    }
    func all(_ keys: [SortKey]) throws(Failure) -> [SortKey] {
      var result = keys
      for index in keys.indices {
        result[index].expression = try transform(keys[index].expression)
      }
      return result
    }
    switch self {
    case .limit, .values:
      return self
    case .scan(var scan):
      scan.predicates = try all(scan.predicates)
      return .scan(scan)
    case .filter(var filter):
      filter.predicate = try transform(filter.predicate)
      return .filter(filter)
    case .aggregate(var aggregate):
      aggregate.keys = try all(aggregate.keys)
      for index in aggregate.calls.indices {
        if let argument = aggregate.calls[index].argument {
          aggregate.calls[index].argument = try transform(argument)
        }
        if let filter = aggregate.calls[index].filter {
          aggregate.calls[index].filter = try transform(filter)
        }
      }
      return .aggregate(aggregate)
    case .project(var project):
      project.expressions = try all(project.expressions)
      return .project(project)
    case .sort(var sort):
      sort.keys = try all(sort.keys)
      return .sort(sort)
    case .topN(var topN):
      topN.keys = try all(topN.keys)
      return .topN(topN)
    }
  }
}
