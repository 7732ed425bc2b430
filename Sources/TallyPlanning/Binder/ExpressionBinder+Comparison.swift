import TallyBase
import TallyLanguage

extension ExpressionBinder {
  mutating func bindComparison(
    _ comparison: Comparison, _ left: BoundExpression, _ right: BoundExpression
  ) throws(TallyError) -> BoundExpression {
    if left.literalValue != nil, right.literalValue == nil {
      return try bindComparison(comparison.swapped, right, left)
    }
    if comparison == .equal || comparison == .notEqual { warnOfUnknownSymbol(left, right) }
    if let exact = compareWithExactLiteral(comparison, left, right) { return exact }
    guard let type = TypeRules.common(left, right), type != .interval else {
      throw incomparable(left, right)
    }
    let operands = (try cast(left, to: type), try cast(right, to: type))
    return BoundExpression(.compare(comparison, operands.0, operands.1), type: .bool)
  }

  private func incomparable(_ left: BoundExpression, _ right: BoundExpression) -> TallyError {
    var hint: String?
    if left.type.isText, let value = right.literalValue, let number = DecimalNumber(value) {
      hint = "put the value in quotes: '\(number.text)'"
    } else if left.type.isText != right.type.isText {
      hint = "CAST(... AS \(left.type.isText ? right.type : left.type)) makes them alike"
    }
    return TallyError(
      .binding, "\(left.type) cannot be compared with \(right.type)",
      span: right.span ?? left.span, hint: hint)
  }

  /// Compares an exact number with an exact literal in the number's own type, so that a column
  /// needs no cast: `latency_ms > 0.0005` asks the same as `latency_ms > 0.000`. Nil where that
  /// is not possible.
  private func compareWithExactLiteral(
    _ comparison: Comparison, _ left: BoundExpression, _ right: BoundExpression
  ) -> BoundExpression? {
    guard left.literalValue == nil, left.type.isNumeric, left.type != .double,
      let value = right.literalValue, let number = DecimalNumber(value)
    else { return nil }
    if let same = literal(number, exactlyAs: left.type, span: right.span) {
      return BoundExpression(.compare(comparison, left, same), type: .bool)
    }
    let scale = left.type.scale
    guard number.scale > scale, let unit = DecimalNumber.powerOfTen(number.scale - scale),
      let adapted: Comparison = comparison.againstFloor
    else { return nil }
    let floor = DecimalNumber(
      unscaled: DecimalNumber.floorDivide(number.unscaled, unit), scale: scale)
    guard let bound = literal(floor, exactlyAs: left.type, span: right.span) else { return nil }
    return BoundExpression(.compare(adapted, left, bound), type: .bool)
  }

  /// A number as a literal of an exact type, or nil if digits or range do not allow it.
  private func literal(
    _ number: DecimalNumber, exactlyAs type: LogicalType, span: SourceSpan?
  ) -> BoundExpression? {
    guard let rescaled = number.rescaled(to: type.scale), rescaled.compare(number) == 0,
      ScalarEvaluator.fits(rescaled.unscaled, type)
    else { return nil }
    return .literal(ScalarEvaluator.number(rescaled.unscaled, type), type, span: span)
  }

  // MARK: BETWEEN, IN, LIKE

  mutating func bindBetween(
    _ operand: Expression, _ low: Expression, _ high: Expression, negated: Bool
  ) throws(TallyError) -> BoundExpression {
    let value = try bind(operand)
    let lower = try bindComparison(.greaterOrEqual, value, try bind(low))
    let upper = try bindComparison(.lessOrEqual, value, try bind(high))
    let both = BoundExpression(.and([lower, upper]), type: .bool)
    return negated ? BoundExpression(.not(both), type: .bool) : both
  }

  mutating func bindInList(
    _ operand: Expression, _ items: [Expression], negated: Bool
  ) throws(TallyError) -> BoundExpression {
    let value = try bind(operand)
    var bound: [BoundExpression] = []
    for item in items { bound.append(try bind(item)) }
    guard bound.allSatisfy({ $0.literalValue != nil }), value.literalValue == nil else {
      return try bindAlternatives(value, bound, negated: negated)
    }
    for item in bound { warnOfUnknownSymbol(value, item) }
    let (operand, values) = try alike(value, bound)
    return BoundExpression(.inList(operand, values, negated: negated), type: .bool)
  }

  /// The operand and the literals of a list in one type: the operand's own if every literal is
  /// exact in it.
  private func alike(
    _ operand: BoundExpression, _ items: [BoundExpression]
  ) throws(TallyError) -> (BoundExpression, [Value]) {
    var type = operand.type
    for item in items where !isExact(item, in: operand.type) {
      let current = BoundExpression(operand.kind, type: type, span: operand.span)
      guard let common = TypeRules.common(current, item), common != .interval else {
        throw incomparable(operand, item)
      }
      type = common
    }
    var values: [Value] = []
    for item in items {
      values.append(try cast(item, to: type).literalValue ?? .null)
    }
    return (try cast(operand, to: type), values)
  }

  private func isExact(_ item: BoundExpression, in type: LogicalType) -> Bool {
    guard type.isNumeric, type != .double, let value = item.literalValue,
      let number = DecimalNumber(value)
    else { return false }
    return literal(number, exactlyAs: type, span: nil) != nil
  }

  /// A list with computed items: a chain of comparisons.
  private mutating func bindAlternatives(
    _ value: BoundExpression, _ items: [BoundExpression], negated: Bool
  ) throws(TallyError) -> BoundExpression {
    var terms: [BoundExpression] = []
    for item in items { terms.append(try bindComparison(.equal, value, item)) }
    let any = BoundExpression(.or(terms), type: .bool)
    return negated ? BoundExpression(.not(any), type: .bool) : any
  }

  mutating func bindLike(
    _ operand: Expression, _ pattern: Expression, ignoringCase: Bool, negated: Bool
  ) throws(TallyError) -> BoundExpression {
    let name = ignoringCase ? "ILIKE" : "LIKE"
    let value = try argument(try bind(operand), as: .text, of: name)
    let boundPattern = try argument(try bind(pattern), as: .text, of: name)
    switch boundPattern.literalValue {
    case .text(let text):
      let like = LikePattern(pattern: text, ignoringCase: ignoringCase)
      return BoundExpression(.like(value, pattern: like, negated: negated), type: .bool)
    case .null:
      return .literal(.null, .bool)
    default:
      throw TallyError(
        .unsupported, "\(name) with a computed pattern is not supported", span: pattern.span,
        hint: "contains(x, y), starts_with(x, y) and ends_with(x, y) take any text")
    }
  }

  mutating func bindCase(
    _ subject: Expression?, _ branches: [CaseBranch], _ otherwise: Expression?
  ) throws(TallyError) -> BoundExpression {
    var conditions: [BoundExpression] = []
    var results: [BoundExpression] = []
    let boundSubject: BoundExpression?
    if let subject { boundSubject = try bind(subject) } else { boundSubject = nil }
    for branch in branches {
      if let boundSubject {
        let candidate = try bind(branch.condition)
        conditions.append(try bindComparison(.equal, boundSubject, candidate))
      } else {
        conditions.append(try bindCondition(branch.condition))
      }
      results.append(try bind(branch.result))
    }
    if let otherwise {
      results.append(try bind(otherwise))
    } else {
      results.append(.literal(.null, .null))
    }
    let (unified, type) = try unify(results, of: "CASE")
    guard let last = unified.last else { return .literal(.null, .null) }
    let bound = zip(conditions, unified).map { condition, result in
      BoundExpression.Branch(condition: condition, result: result)
    }
    return BoundExpression(.caseWhen(bound, otherwise: last), type: type)
  }

  // MARK: Symbols

  /// Notes a comparison with a name that no row can have, and the names near it.
  private mutating func warnOfUnknownSymbol(_ left: BoundExpression, _ right: BoundExpression) {
    guard left.type == .symbol, let index = left.columnIndex, index < schema.columns.count,
      case .text(let text) = right.literalValue, !catalog.hasSymbol(text, column: index),
      catalog.symbolCount(column: index) > 0
    else { return }
    let near = catalog.symbolsNear(text.string, column: index, limit: 3)
    let warning = QueryWarning(
      "no row has \(schema.columns[index].name) = '\(text)'", span: right.span,
      hint: Suggestion.hint(near, quote: "'")
        ?? "SHOW VALUES \(schema.columns[index].name) lists what there is")
    if !warnings.contains(warning) { warnings.append(warning) }
  }
}

extension Comparison {
  /// The comparison with the floor of a number that has more digits than the left side can have;
  /// nil for equality, which no floor answers.
  fileprivate var againstFloor: Comparison? {
    switch self {
    case .equal, .notEqual: nil
    case .less, .lessOrEqual: .lessOrEqual
    case .greater, .greaterOrEqual: .greater
    }
  }
}
