import TallyBase

/// Writes a logical plan as an indented tree, one operator a line, the root first.
package enum PlanPrinter {
  /// One line of the tree. `id` counts operators in pre-order from 0 at the root, so that a
  /// profile can be laid beside the plan.
  package struct Line: Hashable, Sendable {
    package var id: Int
    package var depth: Int
    package var text: String
  }

  package static func lines(_ plan: LogicalPlan) -> [Line] {
    var result: [Line] = []
    var current: LogicalPlan? = plan
    while let node = current {
      result.append(Line(id: result.count, depth: result.count, text: describe(node)))
      current = node.input
    }
    return result
  }

  /// The whole tree; `annotation` may add text to an operator's line.
  package static func text(
    _ plan: LogicalPlan, annotation: (Int) -> String? = { _ in nil }
  ) -> String {
    lines(plan).map { line in
      let note = annotation(line.id).map { "  [\($0)]" } ?? ""
      return String(repeating: "  ", count: line.depth) + line.text + note
    }.joined(separator: "\n")
  }

  /// What the columns of an operator's output are called.
  package static func outputNames(_ plan: LogicalPlan) -> [String] {
    switch plan {
    case .scan(let scan): return scan.columns.map(\.name)
    case .aggregate(let aggregate):
      let names = outputNames(aggregate.input)
      return aggregate.keys.map { ExpressionPrinter.text($0, names: names) }
        + aggregate.calls.map { ExpressionPrinter.text($0, names: names) }
    case .project(let project): return project.names
    case .values(let values): return values.names
    default: return plan.input.map(outputNames) ?? []
    }
  }

  private static func describe(_ plan: LogicalPlan) -> String {
    let names = plan.input.map(outputNames) ?? []
    func list(_ expressions: [BoundExpression]) -> String {
      expressions.map { ExpressionPrinter.text($0, names: names) }.joined(separator: ", ")
    }
    switch plan {
    case .scan(let scan): return describe(scan)
    case .filter(let filter): return "Filter " + list([filter.predicate])
    case .aggregate(let aggregate):
      let calls = aggregate.calls.map { ExpressionPrinter.text($0, names: names) }
      var text = "Aggregate"
      if !aggregate.keys.isEmpty { text += " by " + list(aggregate.keys) }
      if !calls.isEmpty { text += ": " + calls.joined(separator: ", ") }
      return text
    case .project(let project):
      let columns = zip(project.expressions, project.names).map { expression, name in
        let text = ExpressionPrinter.text(expression, names: names)
        return text == name ? text : "\(text) AS \(name)"
      }
      return "Project " + columns.joined(separator: ", ")
    case .sort(let sort): return "Sort by " + describe(sort.keys, names)
    case .topN(let topN):
      return "TopN \(topN.limit)" + (topN.offset > 0 ? " offset \(topN.offset)" : "") + " by "
        + describe(topN.keys, names)
    case .limit(let limit):
      return "Limit \(limit.limit.map { "\($0)" } ?? "all")"
        + (limit.offset > 0 ? " offset \(limit.offset)" : "")
    case .values(let values): return "Values \(values.rows.count) rows"
    }
  }

  private static func describe(_ keys: [LogicalPlan.SortKey], _ names: [String]) -> String {
    keys.map { key in
      ExpressionPrinter.text(key.expression, names: names)
        + (key.isDescending ? " DESC" : "") + (key.nullsFirst ? " NULLS FIRST" : "")
    }.joined(separator: ", ")
  }

  private static func describe(_ scan: LogicalPlan.Scan) -> String {
    let names = scan.columns.map(\.name)
    var text = "Scan usage (\(names.joined(separator: ", ")))"
    if let scope = scan.scope { text += " of \(scope)" }
    if let start = scan.timeRange.start { text += " since \(TimestampText.format(start))" }
    if let end = scan.timeRange.end { text += " until \(TimestampText.format(end))" }
    if !scan.predicates.isEmpty {
      let predicates = scan.predicates.map { ExpressionPrinter.text($0, names: names) }
      text += " where " + predicates.joined(separator: " AND ")
    }
    if let rowLimit = scan.rowLimit { text += " limit \(rowLimit)" }
    return text
  }
}
