import TallyBase
import TallyStorage

/// Where each column of a slice lies in a rollup: found once for all segments that are alike.
struct RollupBinding: Sendable {
  /// Where a column of the scan comes from.
  enum ColumnSource: Sendable {
    case unused
    /// Position in `RollupNeeds.stateColumns` of a column that has one value.
    case fixed(Int)
    case dimension(Int)
  }

  /// Where a value comes from.
  enum ValueSource: Sendable {
    case rowCounts
    case measure(Int)
    /// A bound, NULL where the count is 0.
    case counted(Int, count: Int)
    /// A column that has one value.
    case fixed(Int)
    /// Row counts where a dimension is not NULL.
    case presence(dimension: Int)
    case codes(dimension: Int)
    case bitmaps
    case histograms(column: Int)
  }

  private(set) var columns: [ColumnSource] = []
  private(set) var values: [ValueSource] = []

  /// - Parameters:
  ///   - definition: of a rollup that covers.
  ///   - scanColumns: those of the scan.
  /// - Returns: nil if it does not cover.
  init?(_ definition: RollupDefinition, _ cover: RollupCover, scanColumns: [ColumnSchema]) {
    let needs = cover.needs
    for column in scanColumns {
      guard let index = needs.columns.firstIndex(where: { $0.schema.id == column.id }) else {
        columns.append(.unused)
        continue
      }
      if cover.states[index].isFixed {
        columns.append(.fixed(index))
      } else if let dimension = definition.dimensions.firstIndex(of: column.id) {
        columns.append(.dimension(dimension))
      } else {
        return nil
      }
    }
    for (value, index) in zip(needs.values, needs.valueStates) {
      guard let index else {
        values.append(.rowCounts)
        continue
      }
      let source = RollupBinding.source(
        value, needs.stateColumns[index].id, index, cover.states[index], definition)
      guard let source else { return nil }
      values.append(source)
    }
  }

  private static func source(
    _ value: PartialValue, _ id: Int, _ index: Int, _ state: SegmentColumnState,
    _ definition: RollupDefinition
  ) -> ValueSource? {
    if let source = measure(value, id, state, definition) { return source }
    if state.isFixed { return .fixed(index) }
    let dimension = definition.dimensions.firstIndex(of: id)
    switch value {
    case .count:
      guard state.mayBeNull else { return .rowCounts }
      return dimension.map { .presence(dimension: $0) }
    case .distinct:
      if let dimension { return .codes(dimension: dimension) }
      return definition.distinct == id ? .bitmaps : nil
    case .histogram: return definition.histograms.contains(id) ? .histograms(column: id) : nil
    case .rows, .sum, .minimum, .maximum: return nil
    }
  }

  private static func measure(
    _ value: PartialValue, _ id: Int, _ state: SegmentColumnState, _ definition: RollupDefinition
  ) -> ValueSource? {
    switch value {
    case .count: return definition.measure(id, .count).map { .measure($0) }
    case .sum: return definition.measure(id, .sum).map { .measure($0) }
    case .minimum, .maximum:
      guard let bound = definition.measure(id, value == .minimum(column: id) ? .minimum : .maximum)
      else { return nil }
      guard state.mayBeNull else { return .measure(bound) }
      return definition.measure(id, .count).map { .counted(bound, count: $0) }
    case .rows, .distinct, .histogram: return nil
    }
  }
}

extension RollupBinding.ColumnSource {
  /// - Throws: `corruption`, `io`.
  func column(
    _ table: RollupTable, _ states: [SegmentColumnState]
  ) throws(TallyError) -> SliceColumn {
    switch self {
    case .unused: return .unused
    case .dimension(let index): return .codes(try table.codes(dimension: index))
    case .fixed(let index):
      if case .constant(let number) = states[index] { return .constant(number) }
      return .null
    }
  }
}

extension RollupBinding.ValueSource {
  /// - Returns: nil if a number does not fit.
  /// - Throws: `corruption`, `io`.
  func column(
    _ value: PartialValue, _ table: RollupTable, _ states: [SegmentColumnState]
  ) throws(TallyError) -> SliceColumn? {
    switch self {
    case .rowCounts: return .numbers(try table.rowCounts())
    case .measure(let index): return .numbers(try table.values(measure: index))
    case .counted(let index, let count):
      return .counted(
        try table.values(measure: index), counts: try table.values(measure: count))
    case .fixed(let index):
      return .fixed(value, states[index], rowCounts: try table.rowCounts())
    case .presence(let dimension):
      let codes = try table.codes(dimension: dimension)
      return .numbers(zip(codes, try table.rowCounts()).map { $0 == nullSymbolCode ? 0 : $1 })
    case .codes(let dimension): return .codes(try table.codes(dimension: dimension))
    case .bitmaps: return .bitmaps(try table.bitmaps())
    case .histograms(let column):
      return try table.histograms(column: column).map { .histograms($0) }
    }
  }
}
