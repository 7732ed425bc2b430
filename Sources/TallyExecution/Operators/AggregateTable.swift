import TallyBase
import TallyPlanning

/// Groups and the states of all their aggregates: one worker's, or one day's.
final class AggregateTable {
  private let plan: AggregatePlan
  let groups: GroupTable
  let states: [AggregateState]
  /// Where states keep their numbers that are fed together.
  let bank: SumBank?
  private var stateGroupCount = 0

  /// - Parameter day: the day of all rows, for a partition-wise aggregation.
  init(plan: AggregatePlan, day: Day?, budget: MemoryBudget) throws(TallyError) {
    self.plan = plan
    let codecs = zip(plan.keys, plan.keyDomains).map {
      KeyCodec(type: $0.type, domain: $1.onDay(day))
    }
    if plan.keys.isEmpty {
      groups = GroupTable()
    } else if plan.denseSlotCount != nil {
      groups = try DenseGroupTable(codecs: codecs, budget: budget)
    } else {
      groups = try HashGroupTable(codecs: codecs, budget: budget)
    }
    let bank = plan.keys.isEmpty ? nil : SumBank(plan, budget: budget)
    self.bank = bank
    let denseGroupCount = plan.keys.isEmpty ? 1 : plan.denseSlotCount
    var states: [AggregateState] = []
    for (index, specification) in plan.states.enumerated() {
      let lane = bank?.lane(of: index) ?? GroupLane(budget: budget)
      switch specification.kind {
      case .count: states.append(CountState(lane))
      case .narrowSum: states.append(NarrowSumState(lane))
      default:
        states.append(
          try AggregateTable.state(
            specification, plan, denseGroupCount: denseGroupCount, budget))
      }
    }
    self.states = states
    groups.takesRuns = plan.states.allSatisfy {
      $0.filter == nil && ($0.kind == .count || $0.kind == .narrowSum)
    }
    groups.marksRows = plan.witness == nil
    try prepare()
  }

  /// Makes room in every state for the groups there are.
  func prepare() throws(TallyError) {
    let count = groups.groupCount
    guard count > stateGroupCount else { return }
    for state in states { try state.resize(count) }
    try bank?.prepare()
    stateGroupCount = count
  }

  /// Called when all rows were taken in, before anything is read.
  func seal() throws(TallyError) {
    bank?.settle()
    for state in states { try state.seal(groupCount: groups.groupCount) }
  }

  /// Groups that have rows, ascending, once all states are sealed.
  func occupiedGroups() -> [UInt32] {
    guard let witness = plan.witness, !groups.marksRows else { return groups.occupiedGroups() }
    let state = states[witness]
    return groups.occupiedGroups { state.isOccupied($0) }
  }

  func merge(_ other: AggregateTable) throws(TallyError) {
    bank?.settle()
    other.bank?.settle()
    let mapping = try groups.merge(other.groups)
    try prepare()
    for (state, theirs) in zip(states, other.states) {
      try state.merge(theirs, mapping, groupCount: other.groups.groupCount)
    }
  }

  private static func state(
    _ specification: AggregatePlan.StateSpecification, _ plan: AggregatePlan,
    denseGroupCount: Int?, _ budget: MemoryBudget
  ) throws(TallyError) -> AggregateState {
    let type = specification.argument.map { plan.arguments[$0].type } ?? .null
    switch specification.kind {
    case .count: return CountState(GroupLane(budget: budget))
    case .narrowSum: return NarrowSumState(GroupLane(budget: budget))
    case .wideSum: return WideSumState(budget: budget)
    case .doubleSum: return DoubleSumState(budget: budget)
    case .extreme(let isMinimum): return extremeState(type, isMinimum, budget)
    case .distinct(let domain):
      if let domain, let denseGroupCount, (domain + 1) * denseGroupCount <= 1 << 24 {
        return FlagDistinctState(domain: domain + 1, budget: budget)
      }
      return try SetDistinctState(budget: budget)
    case .distinctBits(let domain): return BitmapDistinctState(domain: domain + 1, budget: budget)
    case .histogram(let minimum, let maximum):
      let range = minimum.flatMap { low in maximum.map { (low, $0) } }
      return HistogramState(range: range, groupCount: denseGroupCount, budget: budget)
    case .quantile(let minimum, let maximum, let unit):
      if Vector.layout(of: type) == .int128 { return WideQuantileState(budget: budget) }
      let range = minimum.flatMap { low in maximum.map { (low, $0, unit) } }
      return QuantileState(range: range, groupCount: denseGroupCount, budget: budget)
    }
  }

  private static func extremeState(
    _ type: LogicalType, _ isMinimum: Bool, _ budget: MemoryBudget
  ) -> AggregateState {
    switch Vector.layout(of: type) {
    case .int64:
      unsafe ExtremeState<Int64>(
        isMinimum: isMinimum, filler: isMinimum ? .max : .min, budget: budget
      ) {
        unsafe $0.int64s
      }
    case .int128:
      unsafe ExtremeState<Int128>(
        isMinimum: isMinimum, filler: isMinimum ? .max : .min, budget: budget
      ) {
        unsafe $0.int128s
      }
    case .double:
      DoubleExtremeState(isMinimum: isMinimum, budget: budget)
    case .bool:
      unsafe ExtremeState<UInt8>(isMinimum: isMinimum, filler: isMinimum ? 1 : 0, budget: budget) {
        unsafe $0.bools
      }
    case .code: TextExtremeState(isMinimum: isMinimum, budget: budget)
    }
  }
}

/// `min` and `max` of doubles in their total order.
final class DoubleExtremeState: AggregateState {
  private let best: ExtremeState<Int64>
  private let keys = Vector(type: .int64)

  init(isMinimum: Bool, budget: MemoryBudget) {
    best = unsafe ExtremeState(
      isMinimum: isMinimum, filler: isMinimum ? .max : .min, budget: budget
    ) {
      unsafe $0.int64s
    }
  }

  func value(_ group: Int) -> Double { TotalOrder.number(best.value(group)) }

  override func resize(_ groupCount: Int) throws(TallyError) { try best.resize(groupCount) }

  override func update(_ groups: GroupIDs, _ argument: Vector?) throws(TallyError) {
    guard let argument else { return }
    argument.flatten(rowCount: groups.rowCount)
    keys.reset()
    for row in 0..<groups.rowCount {
      unsafe keys.int64s[row] = TotalOrder.key(argument.doubles[row])
    }
    if argument.hasNulls {
      keys.prepareValidity(rowCount: groups.rowCount)
      unsafe keys.validity.update(from: argument.validity, count: groups.rowCount)
    }
    try best.update(groups, keys)
  }

  override func merge(
    _ other: AggregateState, _ mapping: [UInt32]?, groupCount: Int
  ) throws(TallyError) {
    guard let other = other as? DoubleExtremeState else { return }
    try best.merge(other.best, mapping, groupCount: groupCount)
  }
}
