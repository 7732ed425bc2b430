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
    if case .average = call.call.function {
      emitAverages(call.call, state, counts, groups, into: result)
    } else if let state = state as? QuantileState {
      for (row, group) in groups.enumerated() {
        writeQuantile(call.call, state, Int(group), result, row)
      }
    } else if let state = state as? HistogramState {
      for (row, group) in groups.enumerated() {
        guard case .quantileApproximate(let fraction) = call.call.function,
          let value = state.quantile(Int(group), fraction)
        else {
          setNull(result, row)
          continue
        }
        unsafe result.int64s[row] = value
      }
    } else if let state = state as? WideQuantileState {
      for (row, group) in groups.enumerated() {
        writeWideQuantile(call.call, state, Int(group), result, row)
      }
    } else {
      try emitValues(state, groups, into: result)
    }
    guard let counts, !call.call.function.isCount else { return }
    for (row, group) in groups.enumerated() where counts.count(Int(group)) == 0 {
      setNull(result, row)
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

  private func emitValues(
    _ state: AggregateState, _ groups: ArraySlice<UInt32>, into result: Vector
  ) throws(TallyError) {
    switch state {
    case let state as CountState: unsafe fill(result.int64s, groups) { state.count($0) }
    case let state as NarrowSumState: emitSums(groups, into: result) { Int128(state.sum($0)) }
    case let state as WideSumState: emitSums(groups, into: result) { state.sum($0) }
    case let state as DoubleSumState: unsafe fill(result.doubles, groups) { state.sum($0) }
    case let state as ExtremeState<Int64>: unsafe fill(result.int64s, groups) { state.value($0) }
    case let state as ExtremeState<Int128>:
      unsafe fill(result.int128s, groups) { state.value($0) }
    case let state as ExtremeState<UInt8>: unsafe fill(result.bools, groups) { state.value($0) }
    case let state as DoubleExtremeState: unsafe fill(result.doubles, groups) { state.value($0) }
    case let state as TextExtremeState: unsafe fill(result.codes, groups) { state.code($0) }
    case let state as FlagDistinctState: unsafe fill(result.int64s, groups) { state.count($0) }
    case let state as BitmapDistinctState: unsafe fill(result.int64s, groups) { state.count($0) }
    case let state as SetDistinctState: unsafe fill(result.int64s, groups) { state.count($0) }
    default: throw TallyError(.internal, "an aggregate without a way to read its state")
    }
  }

  @inline(__always)
  private func fill<Element>(
    _ target: UnsafeMutablePointer<Element>, _ groups: ArraySlice<UInt32>,
    _ value: (Int) -> Element
  ) {
    for (row, group) in groups.enumerated() { unsafe target[row] = value(Int(group)) }
  }

  private func emitSums(
    _ groups: ArraySlice<UInt32>, into result: Vector, _ sum: (Int) -> Int128
  ) {
    if result.layout == .int128 {
      unsafe fill(result.int128s, groups, sum)
    } else {
      unsafe fill(result.int64s, groups) { Int64(clamping: sum($0)) }
    }
  }

  private func emitAverages(
    _ call: AggregateCall, _ state: AggregateState, _ counts: CountState?,
    _ groups: ArraySlice<UInt32>, into result: Vector
  ) {
    let unit = Double(PowersOfTen.power(call.argument?.type.scale ?? 0))
    for (row, id) in groups.enumerated() {
      let group = Int(id)
      let count = Double(counts?.count(group) ?? 0)
      let average: Double
      switch state {
      case let state as NarrowSumState: average = Double(state.sum(group)) / count / unit
      case let state as WideSumState: average = Double(state.sum(group)) / count / unit
      case let state as DoubleSumState: average = state.sum(group) / count
      default: average = .nan
      }
      unsafe result.doubles[row] = average
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
  private func writeWideQuantile(
    _ call: AggregateCall, _ state: WideQuantileState, _ group: Int, _ result: Vector, _ row: Int
  ) {
    let count = state.count(group)
    guard count > 0 else { return setNull(result, row) }
    let value: Int128
    switch call.function {
    case .quantileContinuous(let fraction):
      let rank = Quantile.continuousRank(fraction, count: count)
      let (low, next) = state.values(group, rank: rank.lower)
      let high = rank.upper == rank.lower ? low : next
      if result.layout == .double {
        unsafe result.doubles[row] =
          low == high
          ? Double(low)
          : Quantile.interpolate(Double(low), Double(high), fraction: rank.fraction)
        return
      }
      value =
        low == high ? low : Quantile.interpolateDecimal(low, high, fraction: rank.fraction)
    case .quantileDiscrete(let fraction):
      value = state.values(group, rank: Quantile.discreteRank(fraction, count: count)).0
    default: return setNull(result, row)
    }
    if result.layout == .int128 {
      unsafe result.int128s[row] = value
    } else {
      unsafe result.int64s[row] = Int64(clamping: value)
    }
  }

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
