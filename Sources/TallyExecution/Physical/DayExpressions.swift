import TallyBase
import TallyLanguage
import TallyPlanning

/// Finds expressions over `time` that have one value for all rows of a UTC day, such as
/// `date_trunc('day', time)`. A segment holds one day, so they cost one evaluation a segment and
/// `time` itself need not be decoded.
struct DayExpressions {
  /// Position of `time` in the scan's output.
  let timeColumn: Int
  /// Position of the first appended column.
  let firstColumn: Int
  /// The expressions found, over a single input column `time`.
  private(set) var found: [BoundExpression] = []

  init(timeColumn: Int, firstColumn: Int) {
    self.timeColumn = timeColumn
    self.firstColumn = firstColumn
  }

  /// The expression with every such part replaced by an appended column.
  mutating func rewrite(_ expression: BoundExpression) -> BoundExpression {
    if case .literal = expression.kind { return expression }
    if case .column = expression.kind { return expression }
    if isConstantADay(expression) {
      let alone = expression.mapColumns { _ in 0 }
      let index = found.firstIndex(of: alone) ?? found.count
      if index == found.count { found.append(alone) }
      return BoundExpression(
        .column(index: firstColumn + index), type: expression.type, span: expression.span)
    }
    return expression.mapChildren { rewrite($0) }
  }

  /// Whether the expression reads `time` and only in ways that cannot tell times of a day apart.
  func isConstantADay(_ expression: BoundExpression) -> Bool {
    dependsOnDayOnly(expression) && expression.columnIndexes == [timeColumn]
  }

  private func dependsOnDayOnly(_ expression: BoundExpression) -> Bool {
    switch expression.kind {
    case .literal: return true
    case .column, .overDictionary: return false
    case .call(.dateTruncate(let unit), let arguments):
      switch unit {
      case .day, .week, .month, .quarter, .year: return isTime(arguments.first)
      default: return arguments.allSatisfy { dependsOnDayOnly($0) }
      }
    case .call(.datePart(let part), let arguments):
      switch part {
      case .hour, .minute, .second, .epoch: return arguments.allSatisfy { dependsOnDayOnly($0) }
      default: return isTime(arguments.first) || arguments.allSatisfy { dependsOnDayOnly($0) }
      }
    case .cast(let operand) where expression.type == .date && isTime(operand): return true
    default: return expression.children.allSatisfy { dependsOnDayOnly($0) }
    }
  }

  private func isTime(_ expression: BoundExpression?) -> Bool {
    guard case .column(let index)? = expression?.kind else { return false }
    return index == timeColumn
  }

  /// The value that an expression found has on a day.
  static func value(of expression: BoundExpression, on day: Day) throws(TallyError) -> Value {
    if case .call(.dateTruncate(.day), let operands) = expression.kind,
      operands.first?.columnIndex != nil
    {
      return .timestamp(day.startMicroseconds)
    }
    return try ScalarEvaluator.evaluate(expression, row: [.timestamp(day.startMicroseconds)])
  }

  /// Whether later days never have lesser values.
  static func isMonotonic(_ expression: BoundExpression) -> Bool {
    switch expression.kind {
    case .call(.dateTruncate, let operands): operands.first?.columnIndex != nil
    case .cast(let operand): expression.type == .date && operand.columnIndex != nil
    default: false
    }
  }
}
