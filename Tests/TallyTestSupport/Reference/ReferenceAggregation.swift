import TallyBase
import TallyPlanning
import TallyStorage

/// Grouping and aggregates, by collecting all values of a group first.
struct ReferenceAggregation {
  private let aggregate: LogicalPlan.Aggregate

  init(_ aggregate: LogicalPlan.Aggregate) { self.aggregate = aggregate }

  /// One row a group, in the order the groups first appear: keys, then calls.
  func run(_ rows: [[Value]]) throws(TallyError) -> [[Value]] {
    var groups: [(keys: [Value], rows: [[Value]])] = []
    var places: [[GroupKeyValue]: Int] = [:]
    if aggregate.keys.isEmpty { groups.append(([], [])) }
    for row in rows {
      var keys: [Value] = []
      for key in aggregate.keys { keys.append(try ScalarEvaluator.evaluate(key, row: row)) }
      let identity = keys.map(GroupKeyValue.init)
      let place = aggregate.keys.isEmpty ? 0 : places[identity] ?? groups.count
      if place == groups.count {
        groups.append((keys, []))
        places[identity] = place
      }
      groups[place].rows.append(row)
    }
    var result: [[Value]] = []
    for group in groups {
      var values = group.keys
      for call in aggregate.calls { values.append(try evaluate(call, group.rows)) }
      result.append(values)
    }
    return result
  }

  private func evaluate(_ call: AggregateCall, _ rows: [[Value]]) throws(TallyError) -> Value {
    var passed: [[Value]] = []
    for row in rows {
      if let filter = call.filter, try !ScalarEvaluator.isTrue(filter, row: row) { continue }
      passed.append(row)
    }
    guard let argument = call.argument else { return .int(Int128(passed.count)) }
    var values: [Value] = []
    for row in passed {
      let value = try ScalarEvaluator.evaluate(argument, row: row)
      if !value.isNull { values.append(value) }
    }
    return try evaluate(call, values: values)
  }

  /// An aggregate of the values that are not NULL.
  private func evaluate(
    _ call: AggregateCall, values: [Value]
  ) throws(TallyError) -> Value {
    switch call.function {
    case .countRows, .count:
      let count = call.isDistinct ? Set(values.map(GroupKeyValue.init)).count : values.count
      return .int(Int128(count))
    default:
      if values.isEmpty { return .null }
    }
    let sorted = values.sorted { ValueOrder.compare($0, $1) < 0 }
    switch call.function {
    case .sum: return try sum(values)
    case .average: return average(values)
    case .minimum: return sorted[0]
    case .maximum: return sorted[sorted.count - 1]
    case .quantileDiscrete(let fraction):
      return sorted[Quantile.discreteRank(fraction, count: sorted.count)]
    case .quantileApproximate(let fraction):
      return approximate(sorted[Quantile.discreteRank(fraction, count: sorted.count)])
    case .quantileContinuous(let fraction):
      return quantile(sorted, fraction)
    case .countRows, .count: return .null
    }
  }

  private func sum(_ values: [Value]) throws(TallyError) -> Value {
    if case .double = values[0] { return .double(doubles(values).reduce(0, +)) }
    let total = try exactSum(values)
    if case .decimal(_, let scale) = values[0] { return .decimal(unscaled: total, scale: scale) }
    return .int(total)
  }

  private func exactSum(_ values: [Value]) throws(TallyError) -> Int128 {
    var total: Int128 = 0
    for value in values {
      let (next, overflow) = total.addingReportingOverflow(DecimalNumber(value)?.unscaled ?? 0)
      guard !overflow else { throw TallyError(.invalidArgument, "sum overflows") }
      total = next
    }
    return total
  }

  private func doubles(_ values: [Value]) -> [Double] {
    values.map { value in
      if case .double(let number) = value { number } else { DecimalNumber(value)?.double ?? 0 }
    }
  }

  /// The exact total, divided once.
  private func average(_ values: [Value]) -> Value {
    if case .double = values[0] {
      return .double(doubles(values).reduce(0, +) / Double(values.count))
    }
    let scale = DecimalNumber(values[0])?.scale ?? 0
    guard let total = try? exactSum(values) else {
      return .double(doubles(values).reduce(0, +) / Double(values.count))
    }
    return .double(
      DecimalNumber(unscaled: total, scale: scale).double / Double(values.count))
  }

  /// What stands for a value's bucket.
  private func approximate(_ value: Value) -> Value {
    switch value {
    case .int(let number):
      .int(Int128(Self.representative(Int64(clamping: number))))
    case .decimal(let number, let scale):
      .decimal(unscaled: Int128(Self.representative(Int64(clamping: number))), scale: scale)
    default: value
    }
  }

  private static func representative(_ number: Int64) -> Int64 {
    LatencyHistogram.representative(LatencyHistogram.bucket(of: number))
  }

  private func quantile(_ sorted: [Value], _ fraction: Double) -> Value {
    let rank = Quantile.continuousRank(fraction, count: sorted.count)
    let low = sorted[rank.lower]
    let high = sorted[rank.upper]
    switch (low, high) {
    case (.decimal(let a, let scale), .decimal(let b, _)):
      if rank.lower == rank.upper { return low }
      return .decimal(
        unscaled: Quantile.interpolateDecimal(a, b, fraction: rank.fraction), scale: scale)
    case (.timestamp(let a), .timestamp(let b)):
      if rank.lower == rank.upper { return low }
      return .timestamp(Quantile.interpolateTimestamp(a, b, fraction: rank.fraction))
    default:
      let pair = doubles([low, high])
      if rank.lower == rank.upper { return .double(pair[0]) }
      return .double(Quantile.interpolate(pair[0], pair[1], fraction: rank.fraction))
    }
  }
}

/// A value as a group key: NULL equals NULL, NaN equals NaN, 0.0 equals -0.0.
private struct GroupKeyValue: Hashable {
  private let value: Value

  init(_ value: Value) { self.value = value }

  static func == (left: GroupKeyValue, right: GroupKeyValue) -> Bool {
    if left.value.isNull || right.value.isNull { return left.value.isNull && right.value.isNull }
    return ValueOrder.compare(left.value, right.value) == 0
  }

  func hash(into hasher: inout Hasher) {
    switch value {
    case .double(let number) where number.isNaN: hasher.combine(0x7FF8)
    case .decimal(let unscaled, _): hasher.combine(unscaled)
    default: hasher.combine(value)
    }
  }
}
