package import TallyBase

/// An expression as parsed, with the place of every node.
package struct Expression: Hashable, Sendable {
  package var kind: Kind
  package var span: SourceSpan

  package init(_ kind: Kind, span: SourceSpan) {
    self.kind = kind
    self.span = span
  }

  package indirect enum Kind: Hashable, Sendable {
    case literal(Literal)
    case column(Identifier)
    /// `$1`
    case parameter(Int)
    case unary(UnaryOperator, Expression)
    case binary(BinaryOperator, Expression, Expression)
    /// `AND` / `OR` chains are flat: a chain of ten thousand terms nests one level deep.
    case conjunction([Expression])
    case disjunction([Expression])
    case isNull(Expression, negated: Bool)
    case between(Expression, low: Expression, high: Expression, negated: Bool)
    case inList(Expression, [Expression], negated: Bool)
    case like(Expression, pattern: Expression, ignoringCase: Bool, negated: Bool)
    /// `CASE [subject] WHEN ... THEN ... [ELSE ...] END`
    case caseWhen(subject: Expression?, branches: [CaseBranch], otherwise: Expression?)
    case cast(Expression, to: Located<LogicalType>)
    case call(Call)
  }
}

package struct CaseBranch: Hashable, Sendable {
  package var condition: Expression
  package var result: Expression

  package init(condition: Expression, result: Expression) {
    self.condition = condition
    self.result = result
  }
}

/// `name([DISTINCT] arguments) [FILTER (WHERE condition)]`; `count(*)` has `isStar`.
package struct Call: Hashable, Sendable {
  package var name: Identifier
  package var arguments: [Expression]
  package var isDistinct: Bool
  package var isStar: Bool
  package var filter: Expression?

  package init(
    name: Identifier, arguments: [Expression], isDistinct: Bool = false, isStar: Bool = false,
    filter: Expression? = nil
  ) {
    self.name = name
    self.arguments = arguments
    self.isDistinct = isDistinct
    self.isStar = isStar
    self.filter = filter
  }
}

package enum Literal: Hashable, Sendable {
  case null
  case bool(Bool)
  /// Digits as written, without sign. The binder gives it a type and checks its range.
  case integer(String)
  /// `12.50`: digits with a point, no exponent.
  case decimal(String)
  /// With an exponent: a double.
  case double(String)
  case string(String)
  /// `TIMESTAMP '...'`
  case timestamp(String)
  /// `DATE '...'`
  case date(String)
  /// `INTERVAL 3 days`, `INTERVAL '3 days'`, or the short `7d`.
  case interval(count: Int, unit: TimeUnit)
}

package enum UnaryOperator: String, Hashable, Sendable {
  case negate = "-"
  case plus = "+"
  case not = "NOT"
}

package enum BinaryOperator: String, Hashable, Sendable, CaseIterable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  /// Always a double, as in the oracle.
  case divide = "/"
  case integerDivide = "//"
  case modulo = "%"
  case concatenate = "||"
  case equal = "="
  case notEqual = "<>"
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  /// `metadata->>'key'`
  case jsonText = "->>"
}
