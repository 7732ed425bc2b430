import TallyBase
import TallyLanguage

/// The aggregates of the language, by the names queries use.
enum AggregateNames {
  /// Shorthands for `quantile_cont`.
  static let percentiles: [String: Double] = [
    "median": 0.5, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999,
  ]

  private static let others: Set<String> = [
    "count", "count_star", "count_if", "countif", "sum", "avg", "mean", "min", "max", "any_value",
    "quantile_cont", "percentile_cont", "quantile_disc", "percentile_disc", "quantile",
    "approx_count_distinct", "approx_quantile", "bool_and", "bool_or",
  ]

  static let all = others.union(percentiles.keys)

  /// Aggregates of the oracle that cannot be run, with what to use instead.
  static let unsupported: [String: String] = [
    "stddev": "avg, min, max and quantiles are",
    "stddev_samp": "avg, min, max and quantiles are",
    "stddev_pop": "avg, min, max and quantiles are",
    "variance": "avg, min, max and quantiles are", "var_samp": "avg, min, max and quantiles are",
    "var_pop": "avg, min, max and quantiles are", "first": "use min, max or any_value",
    "last": "use min, max or any_value", "arg_min": "use ORDER BY with LIMIT 1",
    "arg_max": "use ORDER BY with LIMIT 1", "min_by": "use ORDER BY with LIMIT 1",
    "max_by": "use ORDER BY with LIMIT 1", "histogram": "group by an expression over the value",
    "rate": "divide a sum by the length of the time range",
    "share": "divide by the total of a second query", "string_agg": "group by the text",
    "list": "group by the value", "array_agg": "group by the value",
  ]

  static func isAggregate(_ name: String) -> Bool { all.contains(name) }
}

extension ExpressionBinder {
  /// An aggregate call, as the virtual column that stands for its result.
  mutating func bindAggregate(_ call: Call, span: SourceSpan) throws(TallyError) -> BoundExpression
  {
    let name = call.name.name
    let bound = try insideAggregate(name) { binder throws(TallyError) in
      try binder.bindAggregateParts(call, span: span)
    }
    let result = register(bound.call, span: span)
    return try bound.cast.map { type throws(TallyError) in try cast(result, to: type) } ?? result
  }

  private mutating func bindAggregateParts(
    _ call: Call, span: SourceSpan
  ) throws(TallyError) -> (call: AggregateCall, cast: LogicalType?) {
    var arguments: [BoundExpression] = []
    for argument in call.arguments { arguments.append(try bind(argument)) }
    let filter = try call.filter.map { expression throws(TallyError) in
      try bindCondition(expression)
    }
    let bound = FunctionCall(name: call.name.name, arguments: arguments, span: span)
    let isCount = bound.name == "count" || bound.name == "count_star"
    if call.isStar || (isCount && arguments.isEmpty) {
      guard isCount, !call.isDistinct else {
        throw TallyError(
          .binding, "\(bound.name)(\(call.isDistinct ? "DISTINCT " : "")*) is not defined",
          span: span, hint: "count(*) counts rows")
      }
      return (AggregateCall(.countRows, argument: nil, filter: filter, type: .int64), nil)
    }
    let (plain, type) = try bindAggregateFunction(bound)
    var result = plain
    result.filter = merged(result.filter, filter)
    // The least and the largest value do not depend on duplicates.
    let ignoresDuplicates = result.function == .minimum || result.function == .maximum
    if call.isDistinct, !ignoresDuplicates {
      guard result.function == .count else {
        throw TallyError(
          .unsupported, "\(bound.name)(DISTINCT ...) is not supported", span: span,
          hint: "count(DISTINCT x) is")
      }
      result.isDistinct = true
    }
    return (result, type)
  }

  private func merged(
    _ left: BoundExpression?, _ right: BoundExpression?
  ) -> BoundExpression? {
    guard let left, let right else { return left ?? right }
    return BoundExpression(.and([left, right]), type: .bool)
  }

  /// The call without FILTER and DISTINCT, and the type its result is cast to, if any.
  private func bindAggregateFunction(
    _ call: FunctionCall
  ) throws(TallyError) -> (call: AggregateCall, cast: LogicalType?) {
    if let fraction = AggregateNames.percentiles[call.name] {
      try call.expect(1...1)
      return (try quantile(call, fraction, isDiscrete: call.arguments[0].type.isText), nil)
    }
    switch call.name {
    case "quantile_cont", "percentile_cont":
      return (try quantile(call, try quantileFraction(call), isDiscrete: false), nil)
    case "approx_quantile": return (try approximateQuantile(call), nil)
    case "quantile_disc", "percentile_disc", "quantile":
      return (try quantile(call, try quantileFraction(call), isDiscrete: true), nil)
    default:
      try call.expect(1...1)
    }
    let argument = call.arguments[0]
    switch call.name {
    case "count":
      return (AggregateCall(.count, argument: argument, type: .int64), nil)
    case "approx_count_distinct":
      return (AggregateCall(.count, argument: argument, isDistinct: true, type: .int64), nil)
    case "count_if", "countif":
      let condition = try cast(argument, to: .bool)
      return (AggregateCall(.countRows, argument: nil, filter: condition, type: .int64), nil)
    case "sum": return (try sum(call), nil)
    case "avg", "mean":
      let operand = try numericArgument(call)
      return (AggregateCall(.average, argument: operand, type: .double), nil)
    case "max": return (try extreme(.maximum, call), nil)
    case "bool_and", "bool_or":
      let operand = try cast(try cast(argument, to: .bool), to: .int64)
      let function: AggregateFunction = call.name == "bool_and" ? .minimum : .maximum
      return (AggregateCall(function, argument: operand, type: .int64), .bool)
    default: return (try extreme(.minimum, call), nil)
    }
  }

  private func numericArgument(_ call: FunctionCall) throws(TallyError) -> BoundExpression {
    let operand = call.arguments[0]
    if operand.type == .null { return try cast(operand, to: .double) }
    guard operand.type.isNumeric else {
      throw TallyError(
        .binding, "\(call.name)() got \(operand.type), expected a number", span: operand.span,
        hint: operand.type.isText ? "count(DISTINCT x) counts different values" : nil)
    }
    return operand
  }

  private func sum(_ call: FunctionCall) throws(TallyError) -> AggregateCall {
    if call.arguments[0].type == .bool {
      let operand = try cast(call.arguments[0], to: .int64)
      return AggregateCall(.sum, argument: operand, type: .int128)
    }
    let operand = try numericArgument(call)
    let type: LogicalType =
      switch operand.type {
      case .decimal(_, let scale):
        .decimal(precision: DecimalNumber.precisionMax, scale: scale)
      case .double: .double
      default: .int128
      }
    return AggregateCall(.sum, argument: operand, type: type)
  }

  private func extreme(
    _ function: AggregateFunction, _ call: FunctionCall
  ) throws(TallyError) -> AggregateCall {
    let operand = call.arguments[0]
    guard operand.type != .interval else {
      throw TallyError(
        .binding, "\(call.name)() got an interval, expected a value", span: operand.span)
    }
    return AggregateCall(function, argument: operand, type: operand.type)
  }

  private func quantileFraction(_ call: FunctionCall) throws(TallyError) -> Double {
    try call.expect(2...2)
    let literal = try cast(call.arguments[1], to: .double).literalValue
    guard case .double(let fraction) = literal else {
      throw TallyError(
        .binding, "\(call.name)() expects the fraction to be a literal",
        span: call.arguments[1].span)
    }
    guard (0...1).contains(fraction) else {
      throw TallyError(
        .invalidArgument, "\(call.name)() got the fraction \(fraction), expected 0 to 1",
        span: call.arguments[1].span,
        hint: fraction > 1 && fraction <= 100 ? "write \(fraction / 100) for p\(fraction)" : nil)
    }
    return fraction
  }

  /// Of numbers in 64 bits by a histogram. Anything else is exact: the logarithm says nothing of
  /// times, and what is wider has no buckets.
  private func approximateQuantile(_ call: FunctionCall) throws(TallyError) -> AggregateCall {
    var exact = try quantile(call, try quantileFraction(call), isDiscrete: true)
    if exact.type.isNumeric, exact.type.isInt64Backed,
      case .quantileDiscrete(let fraction) = exact.function
    {
      exact.function = .quantileApproximate(fraction)
    }
    return exact
  }

  private func quantile(
    _ call: FunctionCall, _ fraction: Double, isDiscrete: Bool
  ) throws(TallyError) -> AggregateCall {
    var operand = call.arguments[0]
    if operand.type == .null { operand = try cast(operand, to: .double) }
    if operand.type == .date, !isDiscrete { operand = try cast(operand, to: .timestamp) }
    let isTime = operand.type == .timestamp || operand.type == .date
    guard operand.type.isNumeric || isTime else {
      throw TallyError(
        operand.type.isText && isDiscrete ? .unsupported : .binding,
        "\(call.name)() got \(operand.type), expected a number or a time", span: operand.span)
    }
    if isDiscrete {
      return AggregateCall(.quantileDiscrete(fraction), argument: operand, type: operand.type)
    }
    let type: LogicalType = TypeRules.isInteger(operand.type) ? .double : operand.type
    return AggregateCall(.quantileContinuous(fraction), argument: operand, type: type)
  }

  /// Adds a call unless an equal one is there, and returns the column of its result.
  private mutating func register(_ call: AggregateCall, span: SourceSpan) -> BoundExpression {
    var bare = call
    bare.argument = call.argument?.withoutSpans
    bare.filter = call.filter?.withoutSpans
    let known = aggregates.firstIndex { candidate in
      var other = candidate
      other.argument = candidate.argument?.withoutSpans
      other.filter = candidate.filter?.withoutSpans
      return other == bare
    }
    let index = known ?? aggregates.count
    if known == nil { aggregates.append(call) }
    return .column(schema.columns.count + index, call.type, span: span)
  }
}
