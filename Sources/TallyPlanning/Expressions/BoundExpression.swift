package import TallyBase

/// A typed expression whose names are resolved to positions in its operator's input.
///
/// Invariants the binder upholds, so that no later stage checks them again: operands of a
/// function already have the types it takes (casts are explicit nodes), and comparison operands
/// have one common type (`symbol` and `text` count as one).
package struct BoundExpression: Hashable, Sendable {
  package var kind: Kind
  package var type: LogicalType
  package var span: SourceSpan?

  package init(_ kind: Kind, type: LogicalType, span: SourceSpan? = nil) {
    self.kind = kind
    self.type = type
    self.span = span
  }

  package indirect enum Kind: Hashable, Sendable {
    /// Column `index` of the operator's input (of a scan: of `LogicalPlan.Scan.columns`).
    case column(index: Int)
    /// `.null` or a value of `type`; integers and decimals carry the scale of `type`.
    case literal(Value)
    case call(ScalarFunction, [BoundExpression])
    /// To `type`. Fails with `invalidArgument` on a value that does not fit.
    case cast(BoundExpression)
    case and([BoundExpression])
    case or([BoundExpression])
    case not(BoundExpression)
    case isNull(BoundExpression, negated: Bool)
    case compare(Comparison, BoundExpression, BoundExpression)
    /// `value IN (items)`; items are literals of one type, NULL among them allowed.
    case inList(BoundExpression, [Value], negated: Bool)
    case like(BoundExpression, pattern: LikePattern, negated: Bool)
    case caseWhen([Branch], otherwise: BoundExpression)
    /// A symbol or text expression over exactly one symbol column, to be evaluated once per
    /// dictionary entry instead of once per row: `body` reads its value as `.column(index: 0)`.
    case overDictionary(column: Int, body: BoundExpression)
  }

  package struct Branch: Hashable, Sendable {
    package var condition: BoundExpression
    package var result: BoundExpression

    package init(condition: BoundExpression, result: BoundExpression) {
      self.condition = condition
      self.result = result
    }
  }
}

package enum Comparison: String, Hashable, Sendable {
  case equal = "="
  case notEqual = "<>"
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="

  /// The comparison with its operands swapped: `a < b` is `b > a`.
  package var swapped: Comparison {
    switch self {
    case .equal, .notEqual: self
    case .less: .greater
    case .lessOrEqual: .greaterOrEqual
    case .greater: .less
    case .greaterOrEqual: .lessOrEqual
    }
  }
}

/// A LIKE pattern: `%` any bytes, `_` one character; `ignoringCase` makes it ILIKE.
package struct LikePattern: Hashable, Sendable {
  package var pattern: ByteString
  package var ignoringCase: Bool

  package init(pattern: ByteString, ignoringCase: Bool) {
    self.pattern = pattern
    self.ignoringCase = ignoringCase
  }
}
