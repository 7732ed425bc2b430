import TallyBase
import TallyPlanning

/// A number that a table of sums has for each of its rows.
enum PartialValue: Hashable, Sendable {
  /// Events behind the row.
  case rows
  /// Those of them where a column is not NULL.
  case count(column: Int)
  case sum(column: Int)
  case minimum(column: Int)
  case maximum(column: Int)
  /// The different codes of a symbol column.
  case distinct(column: Int)
  /// How often a column has about which value.
  case histogram(column: Int)

  /// The column summed up, nil for `rows`.
  var column: Int? {
    switch self {
    case .rows: nil
    case .count(let column), .sum(let column), .minimum(let column), .maximum(let column),
      .distinct(let column), .histogram(let column):
      column
    }
  }
}

/// How a sum over rows is had from a table of sums.
enum PartialSource: Hashable, Sendable {
  /// The table has it.
  case value(PartialValue)
  /// The argument, computed for a row of the table, is that of every event behind it, and seeing
  /// it once is seeing it often: `max(model)`.
  case argument
  /// Events behind the rows where the argument, computed for a row, is not NULL.
  case presence
  /// It cannot be had.
  case none

  /// - Parameter column: the argument, if it is a bare column of the table.
  static func of(
    _ function: AggregateFunction, _ argument: BoundExpression?, isDistinct: Bool,
    column: ColumnSchema?
  ) -> PartialSource {
    guard let argument else { return .value(.rows) }
    let isNumber = column?.type.isInt64Backed ?? false
    switch function {
    case .countRows: return .value(.rows)
    case .count where isDistinct:
      guard let column, column.type == .symbol else { return .argument }
      return .value(.distinct(column: column.id))
    case .count:
      return column.map { .value(.count(column: $0.id)) } ?? .presence
    case .sum, .average:
      guard let column, isNumber, argument.type.isInt64Backed else { return .none }
      return .value(.sum(column: column.id))
    case .minimum, .maximum:
      guard let column, isNumber else { return .argument }
      return .value(
        function == .minimum ? .minimum(column: column.id) : .maximum(column: column.id))
    case .quantileApproximate:
      guard let column, isNumber else { return .none }
      return .value(.histogram(column: column.id))
    case .quantileContinuous, .quantileDiscrete: return .none
    }
  }
}
