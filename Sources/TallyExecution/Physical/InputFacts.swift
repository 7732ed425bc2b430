import TallyBase
import TallyLanguage
import TallyPlanning
import TallyStorage

/// What the bounds stored with the data prove about expressions over an operator's input. Without
/// facts everything is possible and answers are the same, only slower.
struct InputFacts: Sendable {
  /// By input column; empty when the input is not a scan.
  var columns: [ColumnFacts] = []
  /// Position of `time`, if the input has it.
  var timeColumn: Int?

  struct ColumnFacts: Sendable {
    /// Bounds of int64-backed values.
    var range: ClosedRange<Int64>?
    var mayBeNull: Bool
    /// Symbol columns: dictionary entries.
    var codeCount: Int?
    /// The value is a multiple of this away from the lower bound.
    var unit: Int64 = 1
    /// Values of the column step by this, when every one does.
    var step: Int64 = 1
    /// One value for all rows of a day.
    var isConstantADay = false
  }

  private func facts(_ expression: BoundExpression) -> ColumnFacts? {
    guard case .column(let index) = expression.kind, index < columns.count else { return nil }
    return columns[index]
  }

  func mayBeNull(_ expression: BoundExpression) -> Bool {
    switch expression.kind {
    case .column: return facts(expression)?.mayBeNull ?? true
    case .literal(let value): return value.isNull
    case .cast(let operand): return mayBeNull(operand)
    case .call(let function, let arguments):
      switch function {
      case .add, .subtract, .multiply, .negate, .absolute, .dateTruncate, .timeBucket, .datePart:
        return arguments.contains { mayBeNull($0) }
      default: return true
      }
    default: return true
    }
  }

  /// Entries of the dictionary behind a plain symbol column.
  func codeCount(_ expression: BoundExpression) -> Int? { facts(expression)?.codeCount }

  /// Bounds of an int64-backed expression.
  func range(of expression: BoundExpression) -> ClosedRange<Int64>? {
    switch expression.kind {
    case .column: return facts(expression)?.range
    case .literal(.int(let number)), .literal(.decimal(let number, _)):
      return Int64(exactly: number).map { $0...$0 }
    case .cast(let operand):
      guard expression.type.scale == operand.type.scale, operand.type.isInt64Backed,
        operand.type.isNumeric, expression.type.isNumeric
      else { return operand.type == .bool ? 0...1 : nil }
      return range(of: operand)
    case .call(.dateTruncate(let unit), let arguments):
      guard let inner = arguments.first.flatMap({ range(of: $0) }) else { return nil }
      return CalendarMath.truncate(
        inner.lowerBound, to: unit)...CalendarMath.truncate(
          inner.upperBound, to: unit)
    case .call(.datePart(let part), _): return InputFacts.range(of: part)
    default: return nil
    }
  }

  private static func range(of part: DatePart) -> ClosedRange<Int64>? {
    switch part {
    case .quarter: 1...4
    case .month: 1...12
    case .week: 1...53
    case .day: 1...31
    case .hour: 0...23
    case .minute, .second: 0...59
    case .dayOfWeek: 0...6
    case .isoDayOfWeek: 1...7
    case .dayOfYear: 1...366
    case .year, .epoch: nil
    }
  }

  /// The granularity of a column's values.
  func unit(of expression: BoundExpression) -> Int64 { facts(expression)?.unit ?? 1 }

  func domain(of expression: BoundExpression) -> KeyDomain {
    if let count = codeCount(expression) { return .codes(count: count) }
    switch expression.type {
    case .bool: return .bool
    case .int128: return .wideWords
    case .decimal(let precision, _) where precision > 18: return .wideWords
    case .symbol, .text, .double: return .words
    default: break
    }
    guard let range = range(of: expression), range.upperBound < .max - 1 else { return .words }
    let domain = KeyDomain.integers(
      minimum: range.lowerBound, maximum: range.upperBound, step: step(of: expression))
    return domain.valueCount == nil ? .words : domain
  }

  /// The domain of a key within one day.
  func domainOfOneDay(of expression: BoundExpression) -> KeyDomain {
    if facts(expression)?.isConstantADay == true { return .single }
    if case .call(.dateTruncate(let unit), let arguments) = expression.kind,
      arguments.count == 1, isTime(arguments[0])
    {
      switch unit {
      case .second, .minute, .hour: return .withinDay(step: InputFacts.step(of: unit))
      default: break
      }
    }
    return domain(of: expression)
  }

  private func isTime(_ expression: BoundExpression) -> Bool {
    guard case .column(let index) = expression.kind else { return false }
    return index == timeColumn
  }

  private func step(of expression: BoundExpression) -> Int64 {
    guard case .call(.dateTruncate(let unit), _) = expression.kind else {
      return facts(expression)?.step ?? 1
    }
    return InputFacts.step(of: unit)
  }

  /// Microseconds between neighbouring values of `date_trunc`, for units of fixed length.
  static func step(of unit: TimeUnit) -> Int64 {
    switch unit {
    case .microsecond: 1
    case .millisecond: 1_000
    case .second: 1_000_000
    case .minute: 60_000_000
    case .hour: 3_600_000_000
    case .week: 7 * Day.microsecondsPerDay
    case .day, .month, .quarter, .year: Day.microsecondsPerDay
    }
  }
}
