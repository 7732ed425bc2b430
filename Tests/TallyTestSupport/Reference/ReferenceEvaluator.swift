package import TallyBase
package import TallyPlanning

/// Executes logical plans row at a time on boxed values: slow and plain, the specification that
/// the vectorized engine is compared with. It shares nothing with the kernels but
/// `ScalarEvaluator` and the definition of quantile ranks.
package struct ReferenceEvaluator {
  private let rows: [[Value]]

  /// The rows a plan yields.
  ///
  /// - Parameter rows: all rows of the table, each with one value per schema column.
  /// - Throws: what `ScalarEvaluator` throws, and `invalidArgument` where a sum leaves `Int128`.
  package static func run(
    plan: LogicalPlan, rows: [[Value]]
  ) throws(TallyError) -> [[Value]] {
    try ReferenceEvaluator(rows: rows).run(plan)
  }

  private func run(_ plan: LogicalPlan) throws(TallyError) -> [[Value]] {
    switch plan {
    case .scan(let scan):
      return try run(scan)
    case .filter(let filter):
      return try run(filter.input).filter(by: [filter.predicate])
    case .aggregate(let aggregate):
      return try ReferenceAggregation(aggregate).run(try run(aggregate.input))
    case .project(let project):
      return try run(project.input).project(project.expressions)
    case .sort(let sort):
      return try sorted(try run(sort.input), sort.keys)
    case .topN(let topN):
      let rows = try sorted(try run(topN.input), topN.keys)
      return Array(rows.dropFirst(topN.offset).prefix(topN.limit))
    case .limit(let limit):
      let rows = try run(limit.input).dropFirst(limit.offset)
      return Array(limit.limit.map { rows.prefix($0) } ?? rows)
    case .values(let values):
      return values.rows
    }
  }

  private func run(_ scan: LogicalPlan.Scan) throws(TallyError) -> [[Value]] {
    let inRange = rows.filter { row in
      guard case .timestamp(let time) = row[Schema.timeColumnID] else { return false }
      if let start = scan.timeRange.start, time < start { return false }
      if let end = scan.timeRange.end, time >= end { return false }
      return true
    }
    let projected = inRange.map { row in scan.columns.map { row[$0.id] } }
    let passed = try projected.filter(by: scan.predicates)
    return Array(scan.rowLimit.map { passed.prefix($0) } ?? passed[...])
  }

  /// Stable: rows that compare equal keep their order.
  private func sorted(
    _ rows: [[Value]], _ keys: [LogicalPlan.SortKey]
  ) throws(TallyError) -> [[Value]] {
    var decorated: [(keys: [Value], index: Int)] = []
    for (index, row) in rows.enumerated() {
      var values: [Value] = []
      for key in keys { values.append(try ScalarEvaluator.evaluate(key.expression, row: row)) }
      decorated.append((values, index))
    }
    decorated.sort { left, right in
      for (position, key) in keys.enumerated() {
        let order = ValueOrder.precedes(
          left.keys[position], right.keys[position], isDescending: key.isDescending,
          nullsFirst: key.nullsFirst)
        if let order { return order }
      }
      return left.index < right.index
    }
    return decorated.map { rows[$0.index] }
  }
}

extension [[Value]] {
  fileprivate func filter(by predicates: [BoundExpression]) throws(TallyError) -> [[Value]] {
    var result: [[Value]] = []
    rows: for row in self {
      for predicate in predicates where try !ScalarEvaluator.isTrue(predicate, row: row) {
        continue rows
      }
      result.append(row)
    }
    return result
  }

  fileprivate func project(_ expressions: [BoundExpression]) throws(TallyError) -> [[Value]] {
    var result: [[Value]] = []
    for row in self {
      var values: [Value] = []
      for expression in expressions {
        values.append(try ScalarEvaluator.evaluate(expression, row: row))
      }
      result.append(values)
    }
    return result
  }
}
