package import TallyBase

/// A query with every name resolved and every type known.
package struct BoundQuery: Hashable, Sendable {
  package var plan: LogicalPlan
  /// One a result column.
  package var columnNames: [String]
  package var columnTypes: [LogicalType]
  /// What is legal but probably not meant, such as a name no dictionary holds.
  package var warnings: [QueryWarning]
  /// Times of the query for which it is bound to the same plan.
  package var validTimes: ClosedRange<Int64>

  package init(
    plan: LogicalPlan, columnNames: [String], columnTypes: [LogicalType],
    warnings: [QueryWarning] = [], validTimes: ClosedRange<Int64> = .always
  ) {
    self.validTimes = validTimes
    self.plan = plan
    self.columnNames = columnNames
    self.columnTypes = columnTypes
    self.warnings = warnings
  }
}

/// A note about a query that runs all the same.
package struct QueryWarning: Hashable, Sendable {
  package var message: String
  package var span: SourceSpan?
  package var hint: String?

  package init(_ message: String, span: SourceSpan? = nil, hint: String? = nil) {
    self.message = message
    self.span = span
    self.hint = hint
  }
}

/// A bound statement.
package enum BoundStatement: Hashable, Sendable {
  /// A query or SHOW.
  case query(BoundQuery)
  case explain(BoundQuery, analyze: Bool)
  case set(name: String, value: Value, span: SourceSpan)
}

/// What binding depends on besides the catalog.
package struct BinderOptions: Hashable, Sendable {
  /// The time of the query, in microseconds since the epoch: what `now()` yields.
  package var nowMicroseconds: Int64
  /// Values of `$1`, `$2`, ...
  package var parameters: [Value]

  package init(nowMicroseconds: Int64, parameters: [Value] = []) {
    self.nowMicroseconds = nowMicroseconds
    self.parameters = parameters
  }
}
