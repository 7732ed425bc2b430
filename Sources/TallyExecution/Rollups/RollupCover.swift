import TallyBase
import TallyStorage

/// Why a rollup does not answer a query, for EXPLAIN.
enum RollupReason: Hashable, Sendable {
  case dimension(String, use: String)
  case grain(RollupGrain, needed: RollupGrain)
  case border(RollupGrain)
  case value(PartialValue, column: String)
}

extension RollupReason: CustomStringConvertible {
  var description: String {
    switch self {
    case .dimension(let name, let use):
      use == "key" ? "no dimension \(name)" : "\(use) on \(name), which is not a dimension"
    case .grain(let grain, let needed): "grain \(grain) cannot form \(needed)"
    case .border(let grain): "the time range cuts through grain \(grain)"
    case .value(let value, let column): "no \(value.name) of \(column)"
    }
  }
}

extension PartialValue {
  /// What it is, as EXPLAIN calls it.
  var name: String {
    switch self {
    case .rows: "count"
    case .count: "count of values"
    case .sum: "sum"
    case .minimum: "minimum"
    case .maximum: "maximum"
    case .distinct: "set of values"
    case .histogram: "histogram"
    }
  }
}

/// Tests whether a rollup of a segment has what a query needs.
struct RollupCover {
  let needs: RollupNeeds
  /// By `needs.stateColumns`.
  let states: [SegmentColumnState]
  /// Cells must be no longer than this to form the time range's ends within the segment.
  /// Nil: no cells form them.
  let border: RollupGrain?

  /// Nil if the rollup answers.
  func reason(_ definition: RollupDefinition) -> RollupReason? {
    for (index, column) in needs.columns.enumerated()
    where !definition.dimensions.contains(column.schema.id) && !states[index].isFixed {
      return .dimension(column.schema.name, use: column.use)
    }
    if definition.grain > needs.grain {
      return .grain(definition.grain, needed: needs.grain)
    }
    guard let border, definition.grain <= border else { return .border(definition.grain) }
    for (value, index) in zip(needs.values, needs.valueStates) {
      if let index, !has(value, needs.stateColumns[index].id, states[index], definition) {
        return .value(value, column: needs.stateColumns[index].name)
      }
    }
    return nil
  }

  private func has(
    _ value: PartialValue, _ column: Int, _ state: SegmentColumnState,
    _ definition: RollupDefinition
  ) -> Bool {
    if state.isFixed { return true }
    switch value {
    case .rows: return true
    case .count:
      return state == .varying(mayBeNull: false) || definition.dimensions.contains(column)
        || definition.measure(column, .count) != nil
    case .sum: return definition.measure(column, .sum) != nil
    case .minimum: return definition.measure(column, .minimum) != nil
    case .maximum: return definition.measure(column, .maximum) != nil
    case .distinct: return definition.distinct == column || definition.dimensions.contains(column)
    case .histogram: return definition.histograms.contains(column)
    }
  }
}
