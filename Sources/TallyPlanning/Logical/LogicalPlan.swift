package import TallyBase

/// What a query asks for, as a tree of relational operators. The seam at which another engine can
/// execute the same query: nothing above it knows segments, nothing below it knows text.
///
/// Output columns of a node are positions `0..<outputTypes.count`; parents refer to them by
/// `BoundExpression.Kind.column(index:)`.
package indirect enum LogicalPlan: Hashable, Sendable {
  case scan(Scan)
  case filter(Filter)
  case aggregate(Aggregate)
  case project(Project)
  case sort(Sort)
  /// `Sort` followed by `Limit`, as one operator that keeps only the first rows.
  case topN(TopN)
  case limit(Limit)
  /// Rows without a table: results of SHOW and EXPLAIN.
  case values(Values)

  /// Reads columns of `usage`.
  package struct Scan: Hashable, Sendable {
    /// The columns read, by schema position; output column i is `columns[i]`.
    package var columns: [ColumnSchema]
    /// Conjuncts every output row satisfies, cheapest first; `.column` indexes `columns`.
    package var predicates: [BoundExpression]
    /// Rows whose `time` lies outside do not qualify. The scan itself applies it exactly, whether
    /// or not `time` is among `columns`; no predicate repeats it.
    package var timeRange: TimeBounds
    /// The most rows the consumer wants, or nil.
    package var rowLimit: Int?
    /// Whose rows there are; nil: everybody's. No rule may change it, and the scan applies it
    /// before it looks at anything else of a row.
    package var scope: OrgScope?

    package init(
      columns: [ColumnSchema], predicates: [BoundExpression] = [],
      timeRange: TimeBounds = TimeBounds(), rowLimit: Int? = nil, scope: OrgScope? = nil
    ) {
      self.scope = scope
      self.columns = columns
      self.predicates = predicates
      self.timeRange = timeRange
      self.rowLimit = rowLimit
    }
  }

  package struct Filter: Hashable, Sendable {
    package var input: LogicalPlan
    package var predicate: BoundExpression

    package init(input: LogicalPlan, predicate: BoundExpression) {
      self.input = input
      self.predicate = predicate
    }
  }

  /// Groups by `keys` and computes `calls`. Output: the keys, then the calls. Without keys there
  /// is exactly one output row.
  package struct Aggregate: Hashable, Sendable {
    package var input: LogicalPlan
    package var keys: [BoundExpression]
    package var calls: [AggregateCall]

    package init(input: LogicalPlan, keys: [BoundExpression], calls: [AggregateCall]) {
      self.input = input
      self.keys = keys
      self.calls = calls
    }
  }

  package struct Project: Hashable, Sendable {
    package var input: LogicalPlan
    package var expressions: [BoundExpression]
    /// Result column names, one an expression.
    package var names: [String]

    package init(input: LogicalPlan, expressions: [BoundExpression], names: [String]) {
      self.input = input
      self.expressions = expressions
      self.names = names
    }
  }

  package struct SortKey: Hashable, Sendable {
    package var expression: BoundExpression
    package var isDescending: Bool
    package var nullsFirst: Bool

    package init(_ expression: BoundExpression, isDescending: Bool, nullsFirst: Bool) {
      self.expression = expression
      self.isDescending = isDescending
      self.nullsFirst = nullsFirst
    }
  }

  package struct Sort: Hashable, Sendable {
    package var input: LogicalPlan
    package var keys: [SortKey]

    package init(input: LogicalPlan, keys: [SortKey]) {
      self.input = input
      self.keys = keys
    }
  }

  package struct TopN: Hashable, Sendable {
    package var input: LogicalPlan
    package var keys: [SortKey]
    package var limit: Int
    package var offset: Int

    package init(input: LogicalPlan, keys: [SortKey], limit: Int, offset: Int) {
      self.input = input
      self.keys = keys
      self.limit = limit
      self.offset = offset
    }
  }

  package struct Limit: Hashable, Sendable {
    package var input: LogicalPlan
    /// Nil: all rows after `offset`.
    package var limit: Int?
    package var offset: Int

    package init(input: LogicalPlan, limit: Int?, offset: Int) {
      self.input = input
      self.limit = limit
      self.offset = offset
    }
  }

  package struct Values: Hashable, Sendable {
    package var names: [String]
    package var types: [LogicalType]
    package var rows: [[Value]]

    package init(names: [String], types: [LogicalType], rows: [[Value]]) {
      self.names = names
      self.types = types
      self.rows = rows
    }
  }
}

/// A half-open range of microseconds, open-ended where nil.
package struct TimeBounds: Hashable, Sendable {
  package var start: Int64?
  package var end: Int64?

  package init(start: Int64? = nil, end: Int64? = nil) {
    self.start = start
    self.end = end
  }

  /// Whether some microsecond of the closed range `[minimum, maximum]` lies inside.
  package func overlaps(minimum: Int64, maximum: Int64) -> Bool {
    if let start, maximum < start { return false }
    if let end, minimum >= end { return false }
    return true
  }
}
