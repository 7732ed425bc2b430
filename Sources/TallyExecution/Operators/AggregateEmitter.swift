import TallyBase
import TallyPlanning

/// Reads the results of aggregate calls out of their states.
struct AggregateEmitter {
  let plan: AggregatePlan
  let table: AggregateTable

  /// Writes the call's result for each group into the rows of `result`.
  func emit(
    _ call: AggregatePlan.CallSpecification, _ groups: ArraySlice<UInt32>, into result: Vector
  ) throws(TallyError) {
    let state = table.states[call.state]
    let counts = call.count.flatMap { table.states[$0] as? CountState }
    for (row, id) in groups.enumerated() {
      let group = Int(id)
      if let counts, counts.count(group) == 0, !call.call.function.isCount {
        setNull(result, row)
        continue
      }
      try write(call.call, state, counts, group, result, row)
    }
  }

  private func setNull(_ result: Vector, _ row: Int) {
    if result.layout == .code {
      unsafe result.codes[row] = nullSymbolCode
    } else {
      result.prepareValidity(rowCount: result.capacity)
      unsafe result.validity[row] = 0
    }
  }

  private func write(
    _ call: AggregateCall, _ state: AggregateState, _ counts: CountState?, _ group: Int,
    _ result: Vector, _ row: Int
  ) throws(TallyError) {
    if result.hasNulls { unsafe result.validity[row] = 1 }
    switch (call.function, state) {
    case (.average, _): unsafe result.doubles[row] = average(call, state, counts, group)
    case (_, let state as CountState): unsafe result.int64s[row] = state.count(group)
    case (_, let state as NarrowSumState): storeSum(Int128(state.sum(group)), result, row)
    case (_, let state as WideSumState): storeSum(state.sum(group), result, row)
    case (_, let state as DoubleSumState): unsafe result.doubles[row] = state.sum(group)
    case (_, let state as ExtremeState<Int64>): unsafe result.int64s[row] = state.value(group)
    case (_, let state as ExtremeState<Int128>): unsafe result.int128s[row] = state.value(group)
    case (_, let state as ExtremeState<UInt8>): unsafe result.bools[row] = state.value(group)
    case (_, let state as DoubleExtremeState): unsafe result.doubles[row] = state.value(group)
    case (_, let state as TextExtremeState): unsafe result.codes[row] = state.code(group)
    case (_, let state as FlagDistinctState): unsafe result.int64s[row] = state.count(group)
    case (_, let state as SetDistinctState): unsafe result.int64s[row] = state.count(group)
    case (_, let state as QuantileState): writeQuantile(call, state, group, result, row)
    default: throw TallyError(.internal, "an aggregate without a way to read its state")
    }
  }

  private func storeSum(_ sum: Int128, _ result: Vector, _ row: Int) {
    if result.layout == .int128 {
      unsafe result.int128s[row] = sum
    } else {
      unsafe result.int64s[row] = Int64(clamping: sum)
    }
  }

  private func average(
    _ call: AggregateCall, _ state: AggregateState, _ counts: CountState?, _ group: Int
  ) -> Double {
    let count = Double(counts?.count(group) ?? 0)
    let unit = Double(PowersOfTen.power(call.argument?.type.scale ?? 0))
    switch state {
    case let state as NarrowSumState: return Double(state.sum(group)) / count / unit
    case let state as WideSumState: return Double(state.sum(group)) / count / unit
    case let state as DoubleSumState: return state.sum(group) / count
    default: return .nan
    }
  }

  private func writeQuantile(
    _ call: AggregateCall, _ state: QuantileState, _ group: Int, _ result: Vector, _ row: Int
  ) {
    let count = state.count(group)
    guard count > 0 else { return setNull(result, row) }
    let isDouble = call.argument?.type == .double
    switch call.function {
    case .quantileDiscrete(let fraction):
      let value = state.values(group, rank: Quantile.discreteRank(fraction, count: count)).0
      if isDouble {
        unsafe result.doubles[row] = TotalOrder.number(value)
      } else {
        unsafe result.int64s[row] = value
      }
    case .quantileContinuous(let fraction):
      let rank = Quantile.continuousRank(fraction, count: count)
      let neighbours = state.values(group, rank: rank.lower)
      let high = rank.upper == rank.lower ? neighbours.0 : neighbours.1
      interpolate(neighbours.0, high, rank.fraction, isDouble, result, row)
    default: setNull(result, row)
    }
  }
}

extension AggregateEmitter {
  /// Writes the value between two neighbours in the result's type.
  private func interpolate(
    _ low: Int64, _ high: Int64, _ fraction: Double, _ isDouble: Bool, _ result: Vector, _ row: Int
  ) {
    if result.layout == .double {
      let (a, b) =
        isDouble ? (TotalOrder.number(low), TotalOrder.number(high)) : (Double(low), Double(high))
      unsafe result.doubles[row] =
        low == high ? a : Quantile.interpolate(a, b, fraction: fraction)
    } else if result.type == .timestamp || result.type == .date {
      unsafe result.int64s[row] =
        low == high ? low : Quantile.interpolateTimestamp(low, high, fraction: fraction)
    } else {
      let value = Quantile.interpolateDecimal(Int128(low), Int128(high), fraction: fraction)
      unsafe result.int64s[row] = low == high ? low : Int64(clamping: value)
    }
  }
}

extension AggregateFunction {
  /// Counts are 0, not NULL, over no rows.
  var isCount: Bool {
    switch self {
    case .count, .countRows: true
    default: false
    }
  }
}
