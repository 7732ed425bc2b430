import TallyBase
import TallyStorage

/// Reads the values that a query needs out of a rollup that has them.
struct RollupColumns {
  let table: RollupTable
  let cover: RollupCover

  /// - Returns: nil if a number does not fit.
  /// - Throws: `corruption`, `io`.
  func column(of value: PartialValue) throws(TallyError) -> SliceColumn? {
    guard let id = value.column else { return .numbers(try table.rowCounts()) }
    let state = cover.state(id)
    if let measure = measure(value) { return try column(measure, id, value, state) }
    if state.isFixed { return .fixed(value, state, rowCounts: try table.rowCounts()) }
    switch value {
    case .count: return .numbers(try counts(of: id, state))
    case .distinct:
      if let dimension = table.definition.dimensions.firstIndex(of: id) {
        return .codes(try table.codes(dimension: dimension))
      }
      return .bitmaps(try table.bitmaps())
    case .histogram: return try table.histograms(column: id).map { .histograms($0) }
    case .rows, .sum, .minimum, .maximum: return nil
    }
  }

  private func measure(_ value: PartialValue) -> Int? {
    let definition = table.definition
    switch value {
    case .count(let column): return definition.measure(column, .count)
    case .sum(let column): return definition.measure(column, .sum)
    case .minimum(let column): return definition.measure(column, .minimum)
    case .maximum(let column): return definition.measure(column, .maximum)
    case .rows, .distinct, .histogram: return nil
    }
  }

  private func column(
    _ measure: Int, _ id: Int, _ value: PartialValue, _ state: SegmentColumnState
  ) throws(TallyError) -> SliceColumn? {
    let numbers = try table.values(measure: measure)
    switch value {
    case .minimum, .maximum:
      guard state.mayBeNull else { return .numbers(numbers) }
      guard let count = table.definition.measure(id, .count) else { return nil }
      return .counted(numbers, counts: try table.values(measure: count))
    default: return .numbers(numbers)
    }
  }

  /// Events of each row where a column is not NULL.
  private func counts(of id: Int, _ state: SegmentColumnState) throws(TallyError) -> [Int64] {
    let rowCounts = try table.rowCounts()
    guard state.mayBeNull, let dimension = table.definition.dimensions.firstIndex(of: id) else {
      return rowCounts
    }
    let codes = try table.codes(dimension: dimension)
    return zip(codes, rowCounts).map { $0 == nullSymbolCode ? 0 : $1 }
  }
}
