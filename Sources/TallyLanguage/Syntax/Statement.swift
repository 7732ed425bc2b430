package import TallyBase

/// One statement of the query language, as parsed: names are unresolved text.
package indirect enum Statement: Hashable, Sendable {
  case query(Query)
  /// `EXPLAIN [ANALYZE] query`
  case explain(Query, analyze: Bool)
  case show(Show)
  /// `SET name = value`
  case set(name: Identifier, value: Literal)
}

/// `SHOW ...`
package enum Show: Hashable, Sendable {
  /// `SHOW COLUMNS`, `DESCRIBE`
  case columns
  /// `SHOW VALUES column [LIKE 'pattern'] [LIMIT n]`
  case values(column: Identifier, pattern: String?, limit: Int?)
  case partitions
  case rollups
  /// `SHOW REJECTS`
  case rejects
}

/// A name as written, with its place. `"quoted"` and plain names are the same thing here; plain
/// ones have been folded to lower case.
package struct Identifier: Hashable, Sendable {
  /// What names are compared by.
  package var name: String
  /// What a result column is called: an alias in the letters it was written in. Equal to `name`
  /// for anything but a plain alias.
  package var spelling: String
  package var span: SourceSpan

  package init(_ name: String, spelling: String? = nil, span: SourceSpan) {
    self.name = name
    self.spelling = spelling ?? name
    self.span = span
  }
}

/// A `SELECT`-shaped question. Every clause may be absent; in the short form `select` holds the
/// bare item list and `isShortForm` is true, so group keys are shown without being repeated.
package struct Query: Hashable, Sendable {
  package var select: [SelectItem]
  package var isDistinct: Bool
  package var isShortForm: Bool
  /// The table name if written; only `usage` exists.
  package var from: Identifier?
  package var timeRange: TimeRange?
  package var filter: Expression?
  package var groupBy: GroupBy?
  package var having: Expression?
  package var orderBy: [OrderItem]
  package var limit: Int?
  package var offset: Int?
  /// `TOP n [BY x]`: order by the given expression (else the first aggregate) descending, limit n.
  package var top: Top?
  /// `AT TIME ZONE 'name'`
  package var timeZone: Located<String>?
  package var span: SourceSpan

  package init(
    select: [SelectItem] = [], isDistinct: Bool = false, isShortForm: Bool = false,
    from: Identifier? = nil, timeRange: TimeRange? = nil, filter: Expression? = nil,
    groupBy: GroupBy? = nil, having: Expression? = nil, orderBy: [OrderItem] = [],
    limit: Int? = nil, offset: Int? = nil, top: Top? = nil, timeZone: Located<String>? = nil,
    span: SourceSpan
  ) {
    self.select = select
    self.isDistinct = isDistinct
    self.isShortForm = isShortForm
    self.from = from
    self.timeRange = timeRange
    self.filter = filter
    self.groupBy = groupBy
    self.having = having
    self.orderBy = orderBy
    self.limit = limit
    self.offset = offset
    self.top = top
    self.timeZone = timeZone
    self.span = span
  }
}

/// Anything with its place in the query text.
package struct Located<Wrapped: Hashable & Sendable>: Hashable, Sendable {
  package var value: Wrapped
  package var span: SourceSpan

  package init(_ value: Wrapped, span: SourceSpan) {
    self.value = value
    self.span = span
  }
}

package enum SelectItem: Hashable, Sendable {
  /// `*`
  case all(SourceSpan)
  case expression(Expression, alias: Identifier?)
}

package enum GroupBy: Hashable, Sendable {
  /// `GROUP BY ALL`: every select item without an aggregate.
  case all(SourceSpan)
  /// Each key may carry an alias in the short form: `by date_trunc('day', time) as d`.
  case keys([GroupKey])
}

package struct GroupKey: Hashable, Sendable {
  package var expression: Expression
  package var alias: Identifier?

  package init(_ expression: Expression, alias: Identifier? = nil) {
    self.expression = expression
    self.alias = alias
  }
}

package struct OrderItem: Hashable, Sendable {
  package var expression: Expression
  package var isDescending: Bool
  /// Nil: last, in both directions.
  package var nullsFirst: Bool?

  package init(_ expression: Expression, isDescending: Bool = false, nullsFirst: Bool? = nil) {
    self.expression = expression
    self.isDescending = isDescending
    self.nullsFirst = nullsFirst
  }
}

package struct Top: Hashable, Sendable {
  package var count: Int
  package var by: Expression?
  package var span: SourceSpan

  package init(count: Int, by: Expression? = nil, span: SourceSpan) {
    self.count = count
    self.by = by
    self.span = span
  }
}
