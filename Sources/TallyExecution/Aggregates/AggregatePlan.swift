import TallyBase
import TallyPlanning

/// How an aggregation is computed: which states are kept, which calls read them. Calls share what
/// they have in common: `sum(x)`, `avg(x)` and three percentiles of `x` evaluate `x` once.
struct AggregatePlan: Sendable {
  let keys: [BoundExpression]
  let keyDomains: [KeyDomain]
  /// Every task is a day of its own, and no group spans two.
  let isPartitionwise: Bool
  /// Slots of a dense table, nil when keys must be hashed.
  let denseSlotCount: Int?
  /// Distinct argument expressions.
  private(set) var arguments: [BoundExpression] = []
  /// Distinct FILTER conditions.
  private(set) var filters: [BoundExpression] = []
  private(set) var states: [StateSpecification] = []
  private(set) var calls: [CallSpecification] = []
  /// A state that tells which groups have rows, so that nothing else has to.
  private(set) var witness: Int?
  private var addedWitness = false

  /// One state: its kind and what it is fed with.
  struct StateSpecification: Hashable, Sendable {
    var kind: Kind
    var argument: Int?
    var filter: Int?

    enum Kind: Hashable, Sendable {
      case count
      case narrowSum, wideSum, doubleSum
      case extreme(isMinimum: Bool)
      case distinct(domain: Int?)
      /// A bit for each of the codes `0...domain`.
      case distinctBits(domain: Int)
      case quantile(minimum: Int64?, maximum: Int64?, unit: Int64)
      /// Buckets of values between bounds, where they are known.
      case histogram(minimum: Int64?, maximum: Int64?)
    }
  }

  /// How a call's result is read from states.
  struct CallSpecification: Sendable {
    var call: AggregateCall
    var state: Int
    /// The state that counts non-NULL inputs, where zero of them make NULL.
    var count: Int?
  }

  /// - Parameters:
  ///   - facts: what the table's bounds say of expressions over the input.
  ///   - rowCount: an upper bound of the input rows.
  ///   - eventCount: an upper bound of the events that are summed up in them; nil: as many.
  ///   - isPartitionwise: whether each task is one day.
  init(
    _ aggregate: LogicalPlan.Aggregate, facts: InputFacts, rowCount: Int,
    eventCount: Int? = nil, isPartitionwise: Bool
  ) throws(TallyError) {
    keys = aggregate.keys
    self.isPartitionwise = isPartitionwise
    keyDomains = aggregate.keys.map {
      isPartitionwise ? facts.domainOfOneDay(of: $0) : facts.domain(of: $0)
    }
    denseSlotCount = AggregatePlan.denseSlotCount(keyDomains, rowCount: rowCount)
    for call in aggregate.calls { try add(call, facts, eventCount ?? rowCount) }
    findWitness(facts)
  }

  /// A count of rows; else a state of values that are never NULL; else a count that is added where
  /// it takes no more room (see `SumBank`).
  private mutating func findWitness(_ facts: InputFacts) {
    guard denseSlotCount != nil, !keys.isEmpty else { return }
    let count = StateSpecification(kind: .count, argument: nil, filter: nil)
    witness =
      states.firstIndex(of: count)
      ?? states.firstIndex { state in
        guard state.filter == nil, let argument = state.argument else { return false }
        switch state.kind {
        case .quantile, .distinct: return !facts.mayBeNull(arguments[argument])
        default: return false
        }
      }
    let banked = states.filter { SumBank.takes($0) }.count
    guard witness == nil, banked == 1 || banked == 3 else { return }
    witness = states.count
    addedWitness = true
    states.append(count)
  }

  /// Has sets of codes added up in bits, as those of rollups are.
  mutating func takeSets() {
    for (index, state) in states.enumerated() {
      guard case .distinct(let domain?) = state.kind else { continue }
      states[index].kind = .distinctBits(domain: domain)
    }
  }

  /// Rollups know nothing of states that no call reads.
  mutating func dropAddedWitness() {
    guard addedWitness else { return }
    states.removeLast()
    addedWitness = false
    witness = nil
  }

  /// The product of domain sizes while an array of that size is no waste.
  private static func denseSlotCount(_ domains: [KeyDomain], rowCount: Int) -> Int? {
    var product = 1
    for domain in domains {
      guard let size = domain.valueCount else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      guard !overflow, next <= 1 << 22 else { return nil }
      product = next
    }
    return product <= max(1 << 16, rowCount / 2) ? product : nil
  }

  private mutating func add(
    _ call: AggregateCall, _ facts: InputFacts, _ rowCount: Int
  ) throws(TallyError) {
    let filter = call.filter.map { AggregatePlan.share($0, &filters) }
    let argument = call.argument.map { AggregatePlan.share($0, &arguments) }
    let mayBeNull = call.argument.map { facts.mayBeNull($0) } ?? false
    let count = StateSpecification(
      kind: .count, argument: mayBeNull ? argument : nil, filter: filter)
    let kind: StateSpecification.Kind
    switch call.function {
    case .countRows,
      .count where !call.isDistinct:
      calls.append(CallSpecification(call: call, state: intern(count, &states), count: nil))
      return
    case .count:
      kind = .distinct(domain: call.argument.flatMap { facts.codeCount($0) })
    case .sum, .average:
      guard !call.isDistinct else { throw AggregatePlan.unsupportedDistinct(call) }
      kind = try sumKind(call, facts, rowCount)
    case .minimum: kind = .extreme(isMinimum: true)
    case .maximum: kind = .extreme(isMinimum: false)
    case .quantileContinuous, .quantileDiscrete:
      guard !call.isDistinct else { throw AggregatePlan.unsupportedDistinct(call) }
      let range = call.argument.flatMap { facts.range(of: $0) }
      let unit = call.argument.map { facts.unit(of: $0) } ?? 1
      kind = .quantile(minimum: range?.lowerBound, maximum: range?.upperBound, unit: unit)
    case .quantileApproximate:
      guard !call.isDistinct else { throw AggregatePlan.unsupportedDistinct(call) }
      let range = call.argument.flatMap { facts.range(of: $0) }
      kind = .histogram(minimum: range?.lowerBound, maximum: range?.upperBound)
    }
    let specification = StateSpecification(kind: kind, argument: argument, filter: filter)
    let needsCount =
      switch call.function {
      case .average: intern(count, &states) as Int?
      case .count, .quantileApproximate: nil as Int?
      // Without keys there is a result row even when there are no rows.
      default: mayBeNull || filter != nil || keys.isEmpty ? intern(count, &states) : nil
      }
    calls.append(
      CallSpecification(call: call, state: intern(specification, &states), count: needsCount))
  }

  private static func unsupportedDistinct(_ call: AggregateCall) -> TallyError {
    TallyError(
      .unsupported, "DISTINCT is supported in count, min and max only",
      span: call.argument?.span)
  }

  private func sumKind(
    _ call: AggregateCall, _ facts: InputFacts, _ rowCount: Int
  ) throws(TallyError) -> StateSpecification.Kind {
    guard let argument = call.argument else {
      throw TallyError(.internal, "a sum without argument")
    }
    if argument.type == .double { return .doubleSum }
    guard argument.type.isInt64Backed, let range = facts.range(of: argument) else {
      return .wideSum
    }
    let largest = Int128(max(range.lowerBound.magnitude, range.upperBound.magnitude))
    let total = largest.multipliedReportingOverflow(by: Int128(max(rowCount, 1)))
    return !total.overflow && total.partialValue < Int128(1) << 62 ? .narrowSum : .wideSum
  }

  /// The index of an expression that reads the same, wherever both stand in the text: percentiles
  /// of one column take one state.
  private static func share(
    _ expression: BoundExpression, _ expressions: inout [BoundExpression]
  ) -> Int {
    let bare = expression.withoutSpans
    if let index = expressions.firstIndex(where: { $0.withoutSpans == bare }) { return index }
    expressions.append(expression)
    return expressions.count - 1
  }

  private func intern<Item: Hashable>(_ item: Item, _ items: inout [Item]) -> Int {
    if let index = items.firstIndex(of: item) { return index }
    items.append(item)
    return items.count - 1
  }
}

extension AggregatePlan {
  /// Whether an input column is summed and nothing else.
  func onlySums(column: Int) -> Bool {
    guard !keys.contains(where: { $0.columnIndexes.contains(column) }),
      !filters.contains(where: { $0.columnIndexes.contains(column) })
    else { return false }
    for (index, argument) in arguments.enumerated()
    where argument.columnIndexes.contains(column) {
      guard case .column = argument.kind else { return false }
      for state in states where state.argument == index {
        guard state.kind == .narrowSum, state.filter == nil else { return false }
      }
    }
    return true
  }

  /// Whether rows are only counted and columns only summed: then a batch may be a whole page whose
  /// columns stay packed, as far as its keys have one value or few runs.
  var takesWholePages: Bool {
    denseSlotCount != nil && filters.isEmpty
      && keys.allSatisfy { if case .column = $0.kind { true } else { false } }
      && Set(keys.map(\.columnIndex)).count == keys.count
      && states.allSatisfy { state in
        switch (state.kind, state.argument) {
        case (.count, nil): true
        case (.narrowSum, let argument?):
          if case .column = arguments[argument].kind { true } else { false }
        default: false
        }
      }
  }
}
