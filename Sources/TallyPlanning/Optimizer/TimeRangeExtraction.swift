import TallyBase
import TallyLanguage

/// Turns a scan's conditions on `time` into its time range, which whole partitions are skipped
/// by: comparisons of `time` itself, of `date_trunc`, `time_bucket` or the date of it, with a
/// literal. The range says exactly what the conditions said, so they go.
struct TimeRangeExtraction: OptimizerRule {
  static let name = "time_range_extraction"

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedUp { node in
      guard case .scan(var scan) = node else { return node }
      var kept: [BoundExpression] = []
      for predicate in scan.predicates {
        if let bounds = bounds(predicate, scan) {
          scan.timeRange = intersection(scan.timeRange, bounds)
        } else {
          kept.append(predicate)
        }
      }
      scan.predicates = kept
      return .scan(scan)
    }
  }

  private func intersection(_ left: TimeBounds, _ right: TimeBounds) -> TimeBounds {
    let starts = [left.start, right.start].compactMap { $0 }
    let ends = [left.end, right.end].compactMap { $0 }
    return TimeBounds(start: starts.max(), end: ends.min())
  }

  private func bounds(_ predicate: BoundExpression, _ scan: LogicalPlan.Scan) -> TimeBounds? {
    guard case .compare(let comparison, let left, let right) = predicate.kind,
      let literal = microseconds(right.literalValue)
    else { return nil }
    if isTime(left, scan) { return bounds(comparison, from: literal, next: literal &+ 1) }
    guard let (start, next) = cell(containing: literal, of: left, scan) else { return nil }
    if start == literal { return bounds(comparison, from: start, next: next) }
    // Between two starts: equal to nothing, and every cell lies wholly on one side.
    switch comparison {
    case .equal: return TimeBounds(start: next, end: next)
    case .less, .lessOrEqual: return TimeBounds(end: next)
    case .greater, .greaterOrEqual: return TimeBounds(start: next)
    case .notEqual: return nil
    }
  }

  /// The times whose cell `[from, next)` compares as asked with the cell's start.
  private func bounds(_ comparison: Comparison, from: Int64, next: Int64) -> TimeBounds? {
    // The last microsecond of all has no next one.
    guard next > from else { return nil }
    switch comparison {
    case .equal: return TimeBounds(start: from, end: next)
    case .less: return TimeBounds(end: from)
    case .lessOrEqual: return TimeBounds(end: next)
    case .greater: return TimeBounds(start: next)
    case .greaterOrEqual: return TimeBounds(start: from)
    case .notEqual: return nil
    }
  }

  private func isTime(_ expression: BoundExpression, _ scan: LogicalPlan.Scan) -> Bool {
    guard let index = expression.columnIndex, scan.columns.indices.contains(index) else {
      return false
    }
    return scan.columns[index].id == Schema.timeColumnID
  }

  private func microseconds(_ value: Value?) -> Int64? {
    switch value {
    case .timestamp(let time): return time
    case .date(let day):
      let (time, overflow) = day.multipliedReportingOverflow(by: Day.microsecondsPerDay)
      return overflow ? nil : time
    default: return nil
    }
  }

  /// The start of the cell that a cutting function of `time` puts `literal` in, and of the next.
  private func cell(
    containing literal: Int64, of expression: BoundExpression, _ scan: LogicalPlan.Scan
  ) -> (start: Int64, next: Int64)? {
    guard expression.children.count == 1, let operand = expression.children.first,
      isTime(operand, scan)
    else { return nil }
    switch expression.kind {
    case .cast where expression.type == .date:
      return cell(literal, unit: .day)
    case .call(.dateTruncate(let unit), _):
      return cell(literal, unit: unit)
    case .call(.timeBucket(let width), _):
      let start = CalendarMath.bucket(literal, widthMicroseconds: width)
      return (start, start &+ width)
    default:
      return nil
    }
  }

  private func cell(_ literal: Int64, unit: TimeUnit) -> (start: Int64, next: Int64)? {
    let start = CalendarMath.truncate(literal, to: unit)
    return CalendarMath.add(Interval(count: 1, unit: unit), to: start).map { (start, $0) }
  }
}
