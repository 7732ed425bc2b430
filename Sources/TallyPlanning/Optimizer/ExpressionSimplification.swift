import TallyBase

/// Boolean algebra under three-valued logic: flat AND and OR, no double negation, no constant
/// terms, equalities of one expression as one IN. A filter that nothing passes becomes no rows.
struct ExpressionSimplification: OptimizerRule {
  static let name = "expression_simplification"

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedUp { node in
      let simplified = node.mapExpressions(ExpressionSimplification.simplify)
      guard case .filter(let filter) = simplified else { return simplified }
      switch filter.predicate.literalValue {
      case .bool(true): return filter.input
      case .bool(false), .null:
        let types = filter.input.outputTypes
        let names = types.map { _ in "" }
        return .values(.init(names: names, types: types, rows: []))
      default: return simplified
      }
    }
  }

  static func simplify(_ expression: BoundExpression) -> BoundExpression {
    let node = expression.mapChildren(simplify)
    switch node.kind {
    case .and(let terms): return combine(terms, like: node, absorbing: false)
    case .or(let terms):
      let combined = combine(terms, like: node, absorbing: true)
      guard case .or(let alternatives) = combined.kind else { return combined }
      return mergeEqualities(alternatives, like: combined)
    case .not(let operand): return negate(operand, like: node)
    case .compare(_, let left, let right):
      if left.literalValue == .null || right.literalValue == .null {
        return .literal(.null, .bool, span: node.span)
      }
      return node
    case .inList(let operand, let items, let negated):
      guard items.count == 1, let item = items.first, !item.isNull else { return node }
      let literal = BoundExpression.literal(item, operand.type, span: node.span)
      return BoundExpression(
        .compare(negated ? .notEqual : .equal, operand, literal), type: .bool, span: node.span)
    default:
      return node
    }
  }

  /// AND (`absorbing` false) or OR (true): nested chains are pulled up, neutral terms dropped.
  private static func combine(
    _ terms: [BoundExpression], like node: BoundExpression, absorbing: Bool
  ) -> BoundExpression {
    var kept: [BoundExpression] = []
    var seen: Set<BoundExpression> = []
    for term in terms.flatMap({ inner($0, isOr: absorbing) }) {
      if term.literalValue == .bool(!absorbing) { continue }
      if term.literalValue == .bool(absorbing) { return .literal(.bool(absorbing), .bool) }
      if seen.insert(term.withoutSpans).inserted { kept.append(term) }
    }
    guard let first = kept.first else { return .literal(.bool(!absorbing), .bool) }
    if kept.count == 1 { return first }
    var result = node
    result.kind = absorbing ? .or(kept) : .and(kept)
    return result
  }

  private static func inner(_ term: BoundExpression, isOr: Bool) -> [BoundExpression] {
    switch term.kind {
    case .and(let terms) where !isOr: terms
    case .or(let terms) where isOr: terms
    default: [term]
    }
  }

  private static func negate(
    _ operand: BoundExpression, like node: BoundExpression
  ) -> BoundExpression {
    var result = node
    switch operand.kind {
    case .not(let inner): return inner
    case .literal(.bool(let truth)): result.kind = .literal(.bool(!truth))
    case .literal(.null): result.kind = .literal(.null)
    case .compare(let comparison, let left, let right):
      result.kind = .compare(comparison.negated, left, right)
    case .isNull(let inner, let negated): result.kind = .isNull(inner, negated: !negated)
    case .inList(let inner, let items, let negated):
      result.kind = .inList(inner, items, negated: !negated)
    case .like(let inner, let pattern, let negated):
      result.kind = .like(inner, pattern: pattern, negated: !negated)
    case .and(let terms):
      let negated = terms.map { negate($0, like: BoundExpression(.not($0), type: .bool)) }
      return simplify(BoundExpression(.or(negated), type: .bool, span: node.span))
    case .or(let terms):
      let negated = terms.map { negate($0, like: BoundExpression(.not($0), type: .bool)) }
      return simplify(BoundExpression(.and(negated), type: .bool, span: node.span))
    default: break
    }
    return result
  }

  /// `a = 1 OR a = 2 OR b` as `a IN (1, 2) OR b`.
  private static func mergeEqualities(
    _ terms: [BoundExpression], like node: BoundExpression
  ) -> BoundExpression {
    var items: [BoundExpression: [Value]] = [:]
    for term in terms {
      guard let (operand, values) = equality(term) else { continue }
      items[operand.withoutSpans, default: []] += values
    }
    var merged: [BoundExpression] = []
    var done: Set<BoundExpression> = []
    for term in terms {
      guard let (operand, own) = equality(term), let all = items[operand.withoutSpans],
        all.count > own.count
      else {
        merged.append(term)
        continue
      }
      guard done.insert(operand.withoutSpans).inserted else { continue }
      merged.append(
        BoundExpression(.inList(operand, all, negated: false), type: .bool, span: term.span))
    }
    guard merged.count > 1 else { return merged.first ?? node }
    var result = node
    result.kind = .or(merged)
    return result
  }

  /// The operand and values of `x = literal` or `x IN (...)`.
  private static func equality(
    _ term: BoundExpression
  ) -> (operand: BoundExpression, values: [Value])? {
    switch term.kind {
    case .compare(.equal, let left, let right):
      right.literalValue.map { (left, [$0]) }
    case .inList(let operand, let items, false): (operand, items)
    default: nil
    }
  }
}

extension Comparison {
  /// The comparison that holds exactly where this one does not (and neither side is NULL).
  fileprivate var negated: Comparison {
    switch self {
    case .equal: .notEqual
    case .notEqual: .equal
    case .less: .greaterOrEqual
    case .lessOrEqual: .greater
    case .greater: .lessOrEqual
    case .greaterOrEqual: .less
    }
  }
}
