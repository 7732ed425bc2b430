import TallyBase
import TallyPlanning
import TallyStorage

/// Gathers facts about a scan's output from the footers of the segments it will read.
struct ScanFacts {
  let plan: ScanPlan
  let context: QueryContext
  /// Those of which rows are read, each once.
  private let segments: [(SegmentReader, SegmentFooter)]

  init(plan: ScanPlan, context: QueryContext) {
    self.plan = plan
    self.context = context
    var segments: [(SegmentReader, SegmentFooter)] = []
    for morsel in plan.morsels where morsel.segment !== segments.last?.0 {
      segments.append((morsel.segment, morsel.footer))
    }
    self.segments = segments
  }

  func inputFacts() throws(TallyError) -> InputFacts {
    var facts = InputFacts()
    for column in plan.columns.prefix(plan.outputCount) {
      facts.columns.append(try columnFacts(column))
    }
    facts.timeColumn = plan.columns.prefix(plan.outputCount).firstIndex {
      $0.id == Schema.timeColumnID
    }
    for expression in plan.dayExpressions { facts.columns.append(try dayFacts(expression)) }
    return facts
  }

  private func columnFacts(_ column: ColumnSchema) throws(TallyError) -> InputFacts.ColumnFacts {
    var facts = InputFacts.ColumnFacts(mayBeNull: false)
    if column.type == .symbol {
      facts.codeCount = try context.pool(of: column)?.count
      // A segment's codes ascend, and that of NULL is the least.
      facts.mayBeNull =
        !plan.slices.isEmpty
        || segments.contains { _, footer in
          (footer.column(id: column.id)?.localDictionary.first ?? nullSymbolCode) == nullSymbolCode
        }
      return facts
    }
    var range: ClosedRange<Int64>?
    var isBounded = column.type.isInt64Backed
    for (segment, footer) in segments {
      guard let map = footer.facts(id: column.id)?.zoneMap else {
        if case .int(let number) = column.defaultValue, let value = Int64(exactly: number) {
          range = InputFacts.union(range, value...value)
        } else {
          facts.mayBeNull = true
        }
        continue
      }
      if map.nullCount > 0 { facts.mayBeNull = true }
      if map.nullCount == segment.info.rowCount { continue }
      if map.hasBounds, map.minimum <= map.maximum {
        range = InputFacts.union(range, map.minimum...map.maximum)
      } else {
        isBounded = false
      }
    }
    if !plan.slices.isEmpty { addSlices(column, &range, &facts, &isBounded) }
    if isBounded {
      facts.range = range ?? (segments.isEmpty && plan.slices.isEmpty ? nil : 0...0)
      if column.id == Schema.timeColumnID { facts.range = clip(facts.range) }
      facts.unit = InputFacts.guessUnit(column, facts.range)
    }
    return facts
  }

  /// Adds what is known of segments that a table of sums answers for.
  private func addSlices(
    _ column: ColumnSchema, _ range: inout ClosedRange<Int64>?,
    _ facts: inout InputFacts.ColumnFacts, _ isBounded: inout Bool
  ) {
    if column.id == Schema.timeColumnID {
      if let times = plan.sliceFacts.times { range = InputFacts.union(range, times) }
      return
    }
    guard let known = plan.sliceFacts.columns[column.id] else {
      facts.mayBeNull = true
      isBounded = false
      return
    }
    facts.mayBeNull = facts.mayBeNull || known.mayBeNull
    isBounded = isBounded && known.isBounded
    if let bounds = known.range { range = InputFacts.union(range, bounds) }
  }

  private func clip(_ range: ClosedRange<Int64>?) -> ClosedRange<Int64>? {
    guard let range else { return nil }
    let low = max(range.lowerBound, plan.timeRange.start ?? .min)
    let high = min(range.upperBound, (plan.timeRange.end ?? .max) - 1)
    return low <= high ? low...high : range
  }

  /// Bounds of an expression that has one value a day.
  private func dayFacts(_ expression: BoundExpression) throws(TallyError) -> InputFacts.ColumnFacts
  {
    var facts = InputFacts.ColumnFacts(mayBeNull: true)
    facts.isConstantADay = true
    guard expression.type.isInt64Backed else { return facts }
    var days = Set(segments.map(\.0.info.day))
    for slice in plan.slices { days.insert(slice.segment.info.day) }
    if DayExpressions.isMonotonic(expression), let first = days.min(), let last = days.max() {
      days = [first, last]
    }
    var range: ClosedRange<Int64>?
    for day in days {
      switch try DayExpressions.value(of: expression, on: day) {
      case .timestamp(let value), .date(let value):
        range = InputFacts.union(range, value...value)
      case .int(let wide), .decimal(let wide, _):
        guard let value = Int64(exactly: wide) else { return facts }
        range = InputFacts.union(range, value...value)
      default: return facts
      }
    }
    facts.range = range
    facts.mayBeNull = range == nil
    if case .call(.dateTruncate(let unit), _) = expression.kind {
      facts.step = InputFacts.step(of: unit)
    }
    return facts
  }
}

extension InputFacts {
  static func union(_ a: ClosedRange<Int64>?, _ b: ClosedRange<Int64>) -> ClosedRange<Int64> {
    guard let a else { return b }
    return min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
  }

  /// Decimals whose bounds are whole numbers are probably all whole: milliseconds recorded
  /// without a fraction. A wrong guess costs time, never an answer.
  static func guessUnit(_ column: ColumnSchema, _ range: ClosedRange<Int64>?) -> Int64 {
    guard let range, case .decimal(_, let scale) = column.type, scale > 0, scale <= 18 else {
      return 1
    }
    let whole = Int64(PowersOfTen.power(scale))
    return range.lowerBound % whole == 0 && range.upperBound % whole == 0 ? whole : 1
  }
}
