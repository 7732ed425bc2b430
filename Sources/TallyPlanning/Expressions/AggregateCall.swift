package import TallyBase

/// One aggregate of an `Aggregate` node.
package struct AggregateCall: Hashable, Sendable {
  package var function: AggregateFunction
  /// Nil for `count(*)` only.
  package var argument: BoundExpression?
  package var isDistinct: Bool
  /// `FILTER (WHERE ...)`, over the same input as the argument.
  package var filter: BoundExpression?
  package var type: LogicalType

  package init(
    _ function: AggregateFunction, argument: BoundExpression?, isDistinct: Bool = false,
    filter: BoundExpression? = nil, type: LogicalType
  ) {
    self.function = function
    self.argument = argument
    self.isDistinct = isDistinct
    self.filter = filter
    self.type = type
  }
}

/// Aggregate functions. NULL inputs are skipped by all but `countRows`; an aggregate over no rows
/// is NULL, a count 0.
package enum AggregateFunction: Hashable, Sendable {
  /// `count(*)` -> int64
  case countRows
  /// `count(x)`, `count(distinct x)` -> int64
  case count
  /// int64 -> int128; decimal(18,s) -> decimal(38,s); double -> double; bool is cast to int64 by
  /// the binder.
  case sum
  /// -> double
  case average
  case minimum, maximum
  /// `quantile_cont(x, q)`: linear interpolation at rank q * (n - 1). Integers -> double, double
  /// -> double, decimal -> the same decimal, timestamp -> timestamp. `median` is q = 0.5.
  case quantileContinuous(Double)
  /// `quantile_disc(x, q)`: an actual value, that of rank ceil(q * n) (at least 1). Type kept.
  case quantileDiscrete(Double)
}
