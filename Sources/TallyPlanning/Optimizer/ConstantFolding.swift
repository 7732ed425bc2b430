import TallyBase

/// Replaces operators over literals by their value. What would fail stays, so that it fails only
/// if a row reaches it.
struct ConstantFolding: OptimizerRule {
  static let name = "constant_folding"

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedUp { node in node.mapExpressions(ConstantFolding.fold) }
  }

  static func fold(_ expression: BoundExpression) -> BoundExpression {
    let folded = expression.mapChildren(fold)
    switch folded.kind {
    case .column, .literal, .overDictionary: return folded
    default: break
    }
    guard folded.children.allSatisfy({ $0.literalValue != nil }),
      let value = try? ScalarEvaluator.evaluate(folded)
    else { return folded }
    return .literal(value, folded.type, span: folded.span)
  }
}
