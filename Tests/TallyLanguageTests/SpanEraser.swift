import TallyBase
import TallyLanguage

/// Rewrites trees without places, so that trees of different texts compare.
enum SpanEraser {
  static let none = SourceSpan(0, 0)

  static func erase(_ statement: Statement) -> Statement {
    switch statement {
    case .query(let query): .query(erase(query))
    case .explain(let query, let analyze): .explain(erase(query), analyze: analyze)
    case .show(.values(let column, let pattern, let limit)):
      .show(.values(column: erase(column), pattern: pattern, limit: limit))
    case .show(let show): .show(show)
    case .set(let name, let value): .set(name: erase(name), value: value)
    }
  }

  static func erase(_ identifier: Identifier) -> Identifier {
    Identifier(identifier.name, spelling: identifier.spelling, span: none)
  }

  static func erase(_ query: Query) -> Query {
    var copy = query
    copy.span = none
    copy.from = query.from.map(erase)
    copy.select = query.select.map { item in
      switch item {
      case .all: .all(none)
      case .expression(let expression, let alias):
        .expression(erase(expression), alias: alias.map(erase))
      }
    }
    copy.timeRange = query.timeRange.map { TimeRange($0.kind, span: none) }
    copy.filter = query.filter.map(erase)
    switch query.groupBy {
    case .all: copy.groupBy = .all(none)
    case .keys(let keys):
      copy.groupBy = .keys(
        keys.map { GroupKey(erase($0.expression), alias: $0.alias.map(erase)) })
    case nil: break
    }
    copy.having = query.having.map(erase)
    copy.orderBy = query.orderBy.map { item in
      OrderItem(
        erase(item.expression), isDescending: item.isDescending, nullsFirst: item.nullsFirst)
    }
    copy.top = query.top.map { Top(count: $0.count, by: $0.by.map(erase), span: none) }
    copy.timeZone = query.timeZone.map { Located($0.value, span: none) }
    return copy
  }

  static func erase(_ expression: Expression) -> Expression {
    Expression(erase(expression.kind), span: none)
  }

  private static func erase(_ kind: Expression.Kind) -> Expression.Kind {
    switch kind {
    case .literal, .parameter: kind
    case .column(let column): .column(erase(column))
    case .unary(let sign, let operand): .unary(sign, erase(operand))
    case .binary(let sign, let left, let right): .binary(sign, erase(left), erase(right))
    case .conjunction(let terms): .conjunction(terms.map(erase))
    case .disjunction(let terms): .disjunction(terms.map(erase))
    case .isNull(let operand, let negated): .isNull(erase(operand), negated: negated)
    case .between(let operand, let low, let high, let negated):
      .between(erase(operand), low: erase(low), high: erase(high), negated: negated)
    case .inList(let operand, let items, let negated):
      .inList(erase(operand), items.map(erase), negated: negated)
    case .like(let operand, let pattern, let ignoringCase, let negated):
      .like(
        erase(operand), pattern: erase(pattern), ignoringCase: ignoringCase, negated: negated)
    case .caseWhen(let subject, let branches, let otherwise):
      .caseWhen(
        subject: subject.map(erase),
        branches: branches.map {
          CaseBranch(condition: erase($0.condition), result: erase($0.result))
        }, otherwise: otherwise.map(erase))
    case .cast(let operand, let type):
      .cast(erase(operand), to: Located(type.value, span: none))
    case .call(let call):
      .call(
        Call(
          name: erase(call.name), arguments: call.arguments.map(erase),
          isDistinct: call.isDistinct, isStar: call.isStar, filter: call.filter.map(erase)))
    }
  }
}
