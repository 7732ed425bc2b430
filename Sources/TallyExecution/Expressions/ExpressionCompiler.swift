import TallyBase
import TallyPlanning

/// Builds one worker's nodes from a bound expression.
struct ExpressionCompiler {
  let context: QueryContext

  func compile(_ expression: BoundExpression) throws(TallyError) -> ExpressionNode {
    let type = expression.type
    switch expression.kind {
    case .column(let index): return ColumnNode(index: index, type: type)
    case .literal(let value):
      return try LiteralNode(value: value, type: type, texts: context.texts)
    case .and(let terms): return LogicNode(terms: try compile(terms), isAnd: true)
    case .or(let terms): return LogicNode(terms: try compile(terms), isAnd: false)
    case .not(let operand): return NotNode(try compile(operand))
    case .isNull(let operand, let negated):
      return IsNullNode(try compile(operand), negated: negated)
    case .compare(let comparison, let left, let right):
      return CompareNode(comparison, try compile(left), try compile(right))
    case .inList(let operand, let items, let negated):
      return InListNode(try compile(operand), items: items, negated: negated)
    case .like: return try textFunction(expression)
    case .caseWhen(let branches, let otherwise):
      return try caseNode(branches, otherwise, type)
    case .cast(let operand):
      if operand.type.isText && type.isText { return try compile(operand) }
      if operand.type.isText || type.isText || type == .interval {
        return try textFunction(expression)
      }
      return CastNode(try compile(operand), type: type)
    case .overDictionary(let column, let body):
      return DictionaryNode(
        input: ColumnNode(index: column, type: .symbol), body: body, context: context)
    case .call(let function, let arguments):
      return try call(function, arguments, expression)
    }
  }

  func compile(_ expressions: [BoundExpression]) throws(TallyError) -> [ExpressionNode] {
    var nodes: [ExpressionNode] = []
    for expression in expressions { nodes.append(try compile(expression)) }
    return nodes
  }

  private func caseNode(
    _ branches: [BoundExpression.Branch], _ otherwise: BoundExpression, _ type: LogicalType
  ) throws(TallyError) -> ExpressionNode {
    var compiled: [(condition: ExpressionNode?, result: ExpressionNode)] = []
    for branch in branches {
      compiled.append((try compile(branch.condition), try compile(branch.result)))
    }
    compiled.append((nil, try compile(otherwise)))
    return CaseNode(branches: compiled, skipsNulls: false, type: type, texts: context.texts)
  }

  private func call(
    _ function: ScalarFunction, _ arguments: [BoundExpression], _ expression: BoundExpression
  ) throws(TallyError) -> ExpressionNode {
    let type = expression.type
    switch function {
    case .add, .subtract, .multiply, .divide, .integerDivide, .modulo, .power:
      guard arguments.count == 2, arguments.allSatisfy({ $0.type.isNumeric }) else { break }
      return ArithmeticNode(
        function, try compile(arguments[0]), try compile(arguments[1]), type: type)
    case .negate, .absolute, .round, .floor, .ceiling, .squareRoot, .naturalLogarithm,
      .logarithm10, .exponential, .sign:
      guard arguments.count == 1, arguments[0].type.isNumeric else { break }
      return UnaryMathNode(function, try compile(arguments[0]), type: type)
    case .coalesce:
      var branches: [(condition: ExpressionNode?, result: ExpressionNode)] = []
      for argument in arguments { branches.append((nil, try compile(argument))) }
      return CaseNode(branches: branches, skipsNulls: true, type: type, texts: context.texts)
    case .dateTruncate, .timeBucket, .datePart, .epochMilliseconds, .epoch:
      guard arguments.count == 1 else { break }
      return TimeNode(function, try compile(arguments[0]), type: type)
    default: break
    }
    return try textFunction(expression)
  }

  /// The general form: operands are vectors, the function is applied to boxed values.
  private func textFunction(_ expression: BoundExpression) throws(TallyError) -> ExpressionNode {
    var inputs: [ExpressionNode] = []
    func slot(_ operand: BoundExpression) throws(TallyError) -> BoundExpression {
      if case .literal = operand.kind { return operand }
      inputs.append(try compile(operand))
      return BoundExpression(.column(index: inputs.count - 1), type: operand.type)
    }
    let kind: BoundExpression.Kind
    switch expression.kind {
    case .like(let operand, let pattern, let negated):
      kind = .like(try slot(operand), pattern: pattern, negated: negated)
    case .cast(let operand): kind = .cast(try slot(operand))
    case .call(let function, let arguments):
      var slots: [BoundExpression] = []
      for argument in arguments { slots.append(try slot(argument)) }
      kind = .call(function, slots)
    default: throw TallyError(.internal, "no kernel for \(expression.kind)")
    }
    let body = BoundExpression(kind, type: expression.type)
    return TextFunctionNode(body: body, inputs: inputs, texts: context.texts)
  }
}
