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
  /// int64 and int128 -> int128; decimal(p,s) -> decimal(38,s); double -> double; bool is cast to
  /// int64 by the binder. A total that leaves an `Int128` is an `invalidArgument` error.
  case sum
  /// -> double
  case average
  case minimum, maximum
  /// `quantile_cont(x, q)`, q in 0...1: interpolated at rank q * (n - 1), exactly as `Quantile`
  /// does. Integers -> double, double -> double, decimal -> the same decimal (cut toward zero),
  /// timestamp -> timestamp. `median` is q = 0.5.
  case quantileContinuous(Double)
  /// `quantile_disc(x, q)`: an actual value, that of `Quantile.discreteRank`. Type kept.
  case quantileDiscrete(Double)
  /// `approx_quantile(x, q)`: what stands for the bucket of the value that `quantile_disc` yields,
  /// at most 1 % away from it. Of int64-backed numbers; type kept.
  case quantileApproximate(Double)
}
