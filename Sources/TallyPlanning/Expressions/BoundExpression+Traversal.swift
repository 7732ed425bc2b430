package import TallyBase

extension BoundExpression {
  /// A literal of a type.
  package static func literal(
    _ value: Value, _ type: LogicalType, span: SourceSpan? = nil
  ) -> BoundExpression {
    BoundExpression(.literal(value), type: type, span: span)
  }

  /// A column of the operator's input.
  package static func column(
    _ index: Int, _ type: LogicalType, span: SourceSpan? = nil
  ) -> BoundExpression {
    BoundExpression(.column(index: index), type: type, span: span)
  }

  /// A call of a scalar function.
  package static func call(
    _ function: ScalarFunction, _ arguments: [BoundExpression], _ type: LogicalType,
    span: SourceSpan? = nil
  ) -> BoundExpression {
    BoundExpression(.call(function, arguments), type: type, span: span)
  }

  /// The value, if this is a literal.
  package var literalValue: Value? {
    if case .literal(let value) = kind { value } else { nil }
  }

  /// The position, if this is a column.
  package var columnIndex: Int? {
    if case .column(let index) = kind { index } else { nil }
  }

  /// Direct operands, in the order they are printed. The body of `overDictionary` reads another
  /// row and is none.
  package var children: [BoundExpression] {
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

  /// A copy with every direct operand replaced.
  package func mapChildren<Failure: Error>(
    _ transform: (BoundExpression) throws(Failure) -> BoundExpression
  ) throws(Failure) -> BoundExpression {
    var copy = self
    switch kind {
    case .column, .literal, .overDictionary:
      break
    case .call(let function, let arguments):
      copy.kind = .call(function, try transformed(arguments, transform))
    case .cast(let operand):
      copy.kind = .cast(try transform(operand))
    case .and(let terms):
      copy.kind = .and(try transformed(terms, transform))
    case .or(let terms):
      copy.kind = .or(try transformed(terms, transform))
    case .not(let operand):
      copy.kind = .not(try transform(operand))
    case .isNull(let operand, let negated):
      copy.kind = .isNull(try transform(operand), negated: negated)
    case .compare(let comparison, let left, let right):
      copy.kind = .compare(comparison, try transform(left), try transform(right))
    case .inList(let operand, let items, let negated):
      copy.kind = .inList(try transform(operand), items, negated: negated)
    case .like(let operand, let pattern, let negated):
      copy.kind = .like(try transform(operand), pattern: pattern, negated: negated)
    case .caseWhen(let branches, let otherwise):
      var mapped: [Branch] = []
      for branch in branches {
        let condition = try transform(branch.condition)
        mapped.append(Branch(condition: condition, result: try transform(branch.result)))
      }
      copy.kind = .caseWhen(mapped, otherwise: try transform(otherwise))
    }
    return copy
  }

  private func transformed<Failure: Error>(
    _ expressions: [BoundExpression],
    _ transform: (BoundExpression) throws(Failure) -> BoundExpression
  ) throws(Failure) -> [BoundExpression] {
    var result: [BoundExpression] = []
    result.reserveCapacity(expressions.count)
    for expression in expressions { result.append(try transform(expression)) }
    return result
  }

  /// The same expression without places, for comparing and hashing.
  package var withoutSpans: BoundExpression {
    var copy = mapChildren { $0.withoutSpans }
    copy.span = nil
    return copy
  }

  /// The same expression with every place set to `span`: what stands for a name in the query.
  package func located(at span: SourceSpan?) -> BoundExpression {
    var copy = mapChildren { $0.located(at: span) }
    copy.span = span
    return copy
  }

  /// The positions of all columns read.
  package var columnIndexes: Set<Int> {
    switch kind {
    case .column(let index), .overDictionary(let index, _): [index]
    default: children.reduce(into: []) { $0.formUnion($1.columnIndexes) }
    }
  }

  /// A copy that reads column `mapping(index)` wherever this one reads `index`.
  package func mapColumns(_ mapping: (Int) -> Int) -> BoundExpression {
    var copy = mapChildren { $0.mapColumns(mapping) }
    switch kind {
    case .column(let index): copy.kind = .column(index: mapping(index))
    case .overDictionary(let index, let body):
      copy.kind = .overDictionary(column: mapping(index), body: body)
    default: break
    }
    return copy
  }

  /// A copy with `.column(i)` replaced by `expressions[i]`; nil where `overDictionary` would have
  /// to read something that is not a column.
  package func substituting(_ expressions: [BoundExpression]) -> BoundExpression? {
    switch kind {
    case .column(let index):
      return expressions.indices.contains(index) ? expressions[index] : nil
    case .overDictionary(let index, let body):
      guard expressions.indices.contains(index), let inner = expressions[index].columnIndex
      else { return nil }
      return BoundExpression(.overDictionary(column: inner, body: body), type: type, span: span)
    default:
      var failed = false
      let result = mapChildren { child in
        guard let replaced = child.substituting(expressions) else {
          failed = true
          return child
        }
        return replaced
      }
      return failed ? nil : result
    }
  }
}
