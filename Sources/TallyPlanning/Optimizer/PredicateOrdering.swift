import TallyBase

/// Puts a scan's cheap conditions first, so that the dear ones see fewer rows. Equal costs keep
/// the order of the query.
struct PredicateOrdering: OptimizerRule {
  static let name = "predicate_ordering"

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedUp { node in
      guard case .scan(var scan) = node else { return node }
      scan.predicates = scan.predicates.enumerated()
        .map { (cost: PredicateOrdering.cost($0.element), index: $0.offset, term: $0.element) }
        .sorted { ($0.cost, $0.index) < ($1.cost, $1.index) }
        .map(\.term)
      return .scan(scan)
    }
  }

  /// A rough price per row; one is a comparison of integers.
  static func cost(_ expression: BoundExpression) -> Int {
    let operands = expression.children.reduce(0) { $0 + cost($1) }
    switch expression.kind {
    case .literal, .column: return 0
    // A look-up by code.
    case .overDictionary, .isNull: return 1 + operands
    case .compare(_, let left, _): return (left.type.isText ? 6 : 1) + operands
    case .inList(let operand, let items, _):
      return (operand.type.isText ? 8 : 2) + min(items.count, 8) + operands
    case .like: return 20 + operands
    case .cast(let operand): return (operand.type.isText ? 20 : 2) + operands
    case .call(let function, _): return cost(function) + operands
    case .and, .or, .not, .caseWhen: return 1 + operands
    }
  }

  private static func cost(_ function: ScalarFunction) -> Int {
    switch function {
    case .add, .subtract, .multiply, .negate, .absolute, .coalesce, .nullIf, .greatest, .least,
      .sign:
      1
    case .divide, .integerDivide, .modulo, .round, .floor, .ceiling, .epoch, .epochMilliseconds:
      3
    case .jsonText, .formatTime: 60
    case .lower, .upper, .replace, .splitPart, .substring, .concatenate: 30
    default: 8
    }
  }
}
