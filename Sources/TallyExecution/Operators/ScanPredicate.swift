import TallyBase
import TallyPlanning
import TallyStorage

/// A conjunct of a scan in the form that can be tested fastest.
enum ScanPredicate: Sendable {
  /// `minimum <= value <= maximum` on an int64-backed or bool column; NULL fails.
  case range(column: Int, minimum: Int64, maximum: Int64)
  /// A test of one symbol column, answered by store code: `accepts[code]` is 0 or 1.
  case codes(column: Int, accepts: [UInt8])
  /// `IS [NOT] NULL` on a column that keeps a validity mask.
  case nullness(column: Int, wantsNull: Bool)
  /// Anything else.
  case general(BoundExpression)
  /// No row qualifies.
  case never

  /// The scan column a simple predicate reads, nil for a general one.
  var column: Int? {
    switch self {
    case .range(let column, _, _), .codes(let column, _), .nullness(let column, _): column
    case .general, .never: nil
    }
  }
}

/// Recognises simple predicates among bound conjuncts.
struct ScanPredicateBuilder {
  let columns: [ColumnSchema]
  let context: QueryContext

  func build(_ expression: BoundExpression) throws(TallyError) -> ScanPredicate {
    if let simple = try simple(expression) { return simple }
    if let codes = try codePredicate(expression) { return codes }
    return .general(expression)
  }

  private func simple(_ expression: BoundExpression) throws(TallyError) -> ScanPredicate? {
    switch expression.kind {
    case .column(let index) where columns[index].type == .bool:
      return .range(column: index, minimum: 1, maximum: 1)
    case .not(let operand):
      guard case .column(let index) = operand.kind, columns[index].type == .bool else { return nil }
      return .range(column: index, minimum: 0, maximum: 0)
    case .isNull(let operand, let negated):
      guard case .column(let index) = operand.kind, columns[index].type != .symbol,
        columns[index].type != .text
      else { return nil }
      return .nullness(column: index, wantsNull: !negated)
    case .compare(let comparison, let left, let right):
      if case .column(let index) = left.kind, case .literal(let value) = right.kind {
        return range(index, comparison, value)
      }
      if case .literal(let value) = left.kind, case .column(let index) = right.kind {
        return range(index, comparison.swapped, value)
      }
      return nil
    default: return nil
    }
  }

  private func range(
    _ index: Int, _ comparison: Comparison, _ value: Value
  ) -> ScanPredicate? {
    let type = columns[index].type
    guard type.isInt64Backed || type == .bool else { return nil }
    let number: Int64
    switch value {
    case .null: return .never
    case .int(let wide), .decimal(let wide, _):
      guard let narrow = Int64(exactly: wide) else { return nil }
      number = narrow
    case .timestamp(let time), .date(let time): number = time
    case .bool(let bool): number = bool ? 1 : 0
    default: return nil
    }
    switch comparison {
    case .equal: return .range(column: index, minimum: number, maximum: number)
    case .notEqual: return nil
    case .less:
      return number == .min ? .never : .range(column: index, minimum: .min, maximum: number - 1)
    case .lessOrEqual: return .range(column: index, minimum: .min, maximum: number)
    case .greater:
      return number == .max ? .never : .range(column: index, minimum: number + 1, maximum: .max)
    case .greaterOrEqual: return .range(column: index, minimum: number, maximum: .max)
    }
  }

  /// A predicate whose only column is one symbol, whatever its shape.
  private func codePredicate(
    _ expression: BoundExpression
  ) throws(TallyError) -> ScanPredicate? {
    let column: Int
    let body: BoundExpression
    if case .overDictionary(let index, let inner) = expression.kind {
      (column, body) = (index, inner)
    } else {
      return nil
    }
    guard columns[column].type == .symbol, let pool = try context.pool(of: columns[column])
    else { return nil }
    if let wanted = ScanPredicateBuilder.wantedTexts(body) {
      return try codes(column, of: wanted, in: pool)
    }
    let table = try context.table(of: body, over: pool)
    let accepts = zip(table.bools, table.validity).map { $0 & $1 }
    return accepts.contains(1) ? .codes(column: column, accepts: accepts) : .never
  }

  /// The texts that `body` accepts, if it compares its column with literals for equality.
  private static func wantedTexts(_ body: BoundExpression) -> [ByteString]? {
    let values: [Value?]
    switch body.kind {
    case .compare(.equal, let left, let right) where left.columnIndex != nil:
      values = [right.literalValue]
    case .compare(.equal, let left, let right) where right.columnIndex != nil:
      values = [left.literalValue]
    case .inList(let operand, let items, false) where operand.columnIndex != nil: values = items
    default: return nil
    }
    var texts: [ByteString] = []
    for value in values {
      switch value {
      case .text(let text): texts.append(text)
      // Nothing equals NULL.
      case .null: continue
      default: return nil
      }
    }
    return texts
  }

  /// Looks the texts up, which costs nothing beside comparing every entry of a dictionary.
  private func codes(
    _ column: Int, of texts: [ByteString], in pool: TextPool
  ) throws(TallyError) -> ScanPredicate {
    var accepts = [UInt8](repeating: 0, count: pool.count + 1)
    var isEmpty = true
    try pool.withTable { (table) throws(TallyError) in
      for text in texts {
        guard let code = table.find(text), Int(code) < accepts.count else { continue }
        accepts[Int(code)] = 1
        isEmpty = false
      }
    }
    return isEmpty ? .never : .codes(column: column, accepts: accepts)
  }
}
