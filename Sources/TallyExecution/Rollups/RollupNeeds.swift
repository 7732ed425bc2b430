import TallyBase
import TallyLanguage
import TallyPlanning
import TallyStorage

/// What the first aggregation over a scan asks of a table of sums that is to answer it: columns
/// whose single values matter, how finely time is cut, and the sums.
final class RollupNeeds: Sendable {
  /// A column that a table must tell apart, and what for.
  struct Column: Sendable {
    var schema: ColumnSchema
    var use: String
  }

  /// Why no table of sums can answer; nil if one may.
  let obstacle: String?
  let columns: [Column]
  /// Cells of time must be no longer than this.
  let grain: RollupGrain
  /// What the calls need, without repeats; rows first.
  let values: [PartialValue]
  /// Every column whose state in a segment matters, those of `columns` first.
  let stateColumns: [ColumnSchema]
  /// By value, the position of its column in `stateColumns`; nil: it has none.
  let valueStates: [Int?]

  /// Columns beyond this are not looked at: no rollup has as many.
  static let columnCountMax = 32

  /// - Parameter filters: conditions between the scan and the aggregation.
  init(
    _ scan: LogicalPlan.Scan, filters: [BoundExpression], aggregate: LogicalPlan.Aggregate
  ) {
    var builder = Builder(scan: scan)
    if let scope = scan.scope {
      builder.columns.append(Column(schema: scope.column, use: "scope"))
    }
    for key in aggregate.keys { builder.add(key, use: "key") }
    for predicate in scan.predicates + filters { builder.add(predicate, use: "predicate") }
    for call in aggregate.calls { builder.add(call) }
    var states = builder.columns.map(\.schema)
    var valueStates: [Int?] = []
    for value in builder.values {
      guard let schema = scan.columns.first(where: { $0.id == value.column }) else {
        valueStates.append(nil)
        continue
      }
      let known = states.firstIndex { $0.id == schema.id }
      if known == nil { states.append(schema) }
      valueStates.append(known ?? states.count - 1)
    }
    if states.count > RollupNeeds.columnCountMax {
      builder.refuse("more than \(RollupNeeds.columnCountMax) columns are read")
    }
    obstacle = builder.obstacle
    columns = builder.columns
    grain = builder.grain
    values = builder.values
    stateColumns = states
    self.valueStates = valueStates
  }

  /// Gathers what expressions read.
  fileprivate struct Builder {
    let scan: LogicalPlan.Scan
    var obstacle: String?
    var columns: [Column] = []
    var grain = RollupGrain.day
    var values: [PartialValue] = [.rows]
  }
}

extension RollupNeeds.Builder {
  fileprivate mutating func refuse(_ reason: String) { obstacle = obstacle ?? reason }

  private mutating func need(_ value: PartialValue) {
    if !values.contains(value) { values.append(value) }
  }

  // MARK: Calls

  fileprivate mutating func add(_ call: AggregateCall) {
    if let filter = call.filter { add(filter, use: "filter") }
    let column = call.argument?.columnIndex.flatMap {
      scan.columns.indices.contains($0) ? scan.columns[$0] : nil
    }
    switch PartialSource.of(
      call.function, call.argument, isDistinct: call.isDistinct, column: column)
    {
    case .value(let value):
      need(value)
      // Nothing added up is NULL, so it must be known how many were. A histogram tells.
      if case .histogram = value { return }
      if let column, !call.function.isCount { need(.count(column: column.id)) }
    case .argument, .presence:
      if let argument = call.argument { add(argument, use: "argument") }
    case .none:
      let text = ExpressionPrinter.text(call, names: scan.columns.map(\.name))
      switch call.function {
      case .quantileContinuous, .quantileDiscrete: refuse("\(text) is exact: needs rows")
      default: refuse("\(text) is not summed up")
      }
    }
  }

  // MARK: Expressions

  fileprivate mutating func add(_ expression: BoundExpression, use: String) {
    switch expression.kind {
    case .literal: return
    case .column(let index): addColumn(index, use)
    case .overDictionary(let index, _): addColumn(index, use)
    default:
      if let cut = TimeCut.grain(of: expression, isTime: isTime) {
        grain = min(grain, cut)
        return
      }
      for child in expression.children { add(child, use: use) }
    }
  }

  private func isTime(_ expression: BoundExpression) -> Bool {
    guard let index = expression.columnIndex, scan.columns.indices.contains(index) else {
      return false
    }
    return scan.columns[index].id == Schema.timeColumnID
  }

  private mutating func addColumn(_ index: Int, _ use: String) {
    guard scan.columns.indices.contains(index) else { return refuse("a column is computed") }
    let schema = scan.columns[index]
    if schema.id == Schema.timeColumnID {
      return refuse("\(use) reads time that is not cut to minutes")
    }
    if !columns.contains(where: { $0.schema.id == schema.id }) {
      columns.append(RollupNeeds.Column(schema: schema, use: use))
    }
  }
}

/// Functions of time that have one value in each cell of a grain.
enum TimeCut {
  /// The longest cells within which `expression`, a function of `time` and literals alone, has one
  /// value; nil if it is something else or tells the times of a minute apart.
  static func grain(
    of expression: BoundExpression, isTime: (BoundExpression) -> Bool
  ) -> RollupGrain? {
    let operands = expression.children
    guard operands.contains(where: isTime),
      operands.allSatisfy({ isTime($0) || $0.literalValue != nil })
    else { return nil }
    switch expression.kind {
    case .cast: return expression.type == .date ? .day : nil
    case .compare(let comparison, let left, let right):
      return isTime(left)
        ? grain(comparison, right.literalValue) : grain(comparison.swapped, left.literalValue)
    case .call(let function, _): return grain(of: function)
    default: return nil
    }
  }

  private static func grain(of function: ScalarFunction) -> RollupGrain? {
    switch function {
    case .dateTruncate(let unit), .dateDifference(let unit): return grain(of: unit)
    case .timeBucket(let width):
      return RollupGrain.allCases.last { width % $0.microseconds == 0 }
    case .datePart(let part):
      switch part {
      case .second, .epoch: return nil
      case .minute: return .minute
      case .hour: return .hour
      default: return .day
      }
    default: return nil
    }
  }

  private static func grain(of unit: TimeUnit) -> RollupGrain? {
    switch unit {
    case .microsecond, .millisecond, .second: nil
    case .minute: .minute
    case .hour: .hour
    case .day, .week, .month, .quarter, .year: .day
    }
  }

  /// `time >= x` and `time < x` are the same all through a cell if x is on a border.
  private static func grain(_ comparison: Comparison, _ value: Value?) -> RollupGrain? {
    guard case .timestamp(let time) = value else { return nil }
    switch comparison {
    case .greaterOrEqual, .less: return grain(onBorder: time)
    case .greater, .lessOrEqual:
      return time == .max ? nil : grain(onBorder: time + 1)
    case .equal, .notEqual: return nil
    }
  }

  /// The longest cells of which `time` is a border.
  static func grain(onBorder time: Int64) -> RollupGrain? {
    RollupGrain.allCases.last { time % $0.microseconds == 0 }
  }
}
