import TallyBase

/// `AND` / `OR` of any number of conditions with SQL's three-valued logic. Later terms are
/// evaluated only on rows that earlier ones leave undecided.
final class LogicNode: ExpressionNode {
  private let terms: [ExpressionNode]
  /// The value that decides: 0 for AND, 1 for OR.
  private let deciding: UInt8
  private let result = Vector(type: .bool)
  private let undecided = SelectionVector()
  private let subset: BatchSubset

  init(terms: [ExpressionNode], isAnd: Bool) {
    self.terms = terms
    deciding = isAnd ? 0 : 1
    subset = BatchSubset()
    super.init(type: .bool)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    result.reset()
    unsafe result.bools.update(repeating: 1 - deciding, count: max(batch.rowCount, 1))
    undecided.selectAll(batch.rowCount)
    for term in terms where undecided.count > 0 {
      let input = subset.take(batch, undecided)
      let values = try term.evaluate(input)
      values.flatten(rowCount: input.rowCount)
      apply(values)
    }
    return result
  }

  /// Writes decided and NULL rows and keeps those that later terms may still decide.
  private func apply(_ values: Vector) {
    var kept = 0
    for index in 0..<undecided.count {
      let row = unsafe Int(undecided.indexes[index])
      if unsafe values.hasNulls && values.validity[index] == 0 {
        result.prepareValidity(rowCount: Vector.rowCountMax)
        unsafe result.validity[row] = 0
      } else if unsafe values.bools[index] == deciding {
        unsafe result.bools[row] = deciding
        if result.hasNulls { unsafe result.validity[row] = 1 }
        continue
      }
      unsafe undecided.indexes[kept] = UInt16(truncatingIfNeeded: row)
      kept += 1
    }
    undecided.count = kept
  }
}

/// `NOT x`
final class NotNode: ExpressionNode {
  private let input: ExpressionNode
  private let result = Vector(type: .bool)

  init(_ input: ExpressionNode) {
    self.input = input
    super.init(type: .bool)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    let source = try input.evaluate(batch)
    let rowCount = NullMask.rowCount([source], batch, result: result)
    // What stands in rows that are NULL or not selected is any byte.
    for row in 0..<rowCount { unsafe result.bools[row] = source.bools[row] ^ 1 }
    NullMask.combine([source], into: result, rowCount: rowCount)
    return result
  }
}

/// `x IS [NOT] NULL`
final class IsNullNode: ExpressionNode {
  private let input: ExpressionNode
  private let isNegated: Bool
  private let result = Vector(type: .bool)

  init(_ input: ExpressionNode, negated: Bool) {
    self.input = input
    isNegated = negated
    super.init(type: .bool)
  }

  override func evaluate(_ batch: Batch) throws(TallyError) -> Vector {
    let source = try input.evaluate(batch)
    result.reset()
    for row in 0..<batch.rowCount {
      unsafe result.bools[row] = source.isNull(row) != isNegated ? 1 : 0
    }
    return result
  }
}
