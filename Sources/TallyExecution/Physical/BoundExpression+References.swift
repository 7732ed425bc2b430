import TallyBase
import TallyPlanning

extension BoundExpression {
  /// Input columns the expression reads.
  var referencedColumns: Set<Int> {
    var found: Set<Int> = []
    collectColumns(&found)
    return found
  }

  private func collectColumns(_ found: inout Set<Int>) {
    switch kind {
    case .column(let index), .overDictionary(let index, _): found.insert(index)
    case .literal: break
    default: for operand in operands { operand.collectColumns(&found) }
    }
  }

  /// Direct operands, in order.
  var operands: [BoundExpression] {
    switch kind {
    case .column, .literal, .overDictionary: []
    case .call(_, let arguments): arguments
    case .cast(let operand), .not(let operand), .isNull(let operand, _),
      .inList(let operand, _, _), .like(let operand, _, _):
      [operand]
    case .and(let terms), .or(let terms): terms
    case .compare(_, let left, let right): [left, right]
    case .caseWhen(let branches, let otherwise):
      branches.flatMap { [$0.condition, $0.result] } + [otherwise]
    }
  }
}
