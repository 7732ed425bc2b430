import TallyBase

extension SyntaxPrinter {
  package static func text(_ expression: Expression) -> String { text(expression.kind) }

  private static func text(_ kind: Expression.Kind) -> String {
    switch kind {
    case .literal(let literal): return text(literal)
    case .column(let column): return text(column)
    case .parameter(let number): return "$\(number)"
    case .unary(.not, let operand): return "NOT " + part(operand, .test)
    case .unary(let sign, let operand): return sign.rawValue + part(operand, .postfix)
    case .binary(let binary, let left, let right): return text(binary, left, right)
    case .conjunction(let terms):
      return terms.map { part($0, .negation) }.joined(separator: " AND ")
    case .disjunction(let terms):
      return terms.map { part($0, .conjunction) }.joined(separator: " OR ")
    case .isNull(let operand, let negated):
      return part(operand, .test) + (negated ? " IS NOT NULL" : " IS NULL")
    case .between, .inList, .like: return membership(kind)
    case .caseWhen(let subject, let branches, let otherwise):
      return text(subject: subject, branches, otherwise: otherwise)
    case .cast(let operand, let type):
      return "CAST(\(text(operand)) AS \(type.value))"
    case .call(let call): return text(call)
    }
  }

  private static func text(
    _ binary: BinaryOperator, _ left: Expression, _ right: Expression
  ) -> String {
    let level = binary.precedence
    if binary == .jsonText { return part(left, .postfix) + "->>" + part(right, nil) }
    // Comparisons do not chain: both sides bind tighter.
    let leftLevel = level == .comparison ? level.tighter : level
    return "\(part(left, leftLevel)) \(binary.rawValue) \(part(right, level.tighter))"
  }

  private static func membership(_ kind: Expression.Kind) -> String {
    switch kind {
    case .between(let operand, let low, let high, let negated):
      return part(operand, .membership) + (negated ? " NOT" : "") + " BETWEEN "
        + part(low, .concatenation) + " AND " + part(high, .concatenation)
    case .inList(let operand, let items, let negated):
      return part(operand, .membership) + (negated ? " NOT" : "") + " IN ("
        + items.map { text($0) }.joined(separator: ", ") + ")"
    case .like(let operand, let pattern, let ignoringCase, let negated):
      return part(operand, .membership) + (negated ? " NOT" : "")
        + (ignoringCase ? " ILIKE " : " LIKE ") + part(pattern, .concatenation)
    default:
      return text(kind)
    }
  }

  private static func text(
    subject: Expression?, _ branches: [CaseBranch], otherwise: Expression?
  ) -> String {
    var parts = ["CASE"]
    if let subject { parts.append(text(subject)) }
    for branch in branches {
      parts.append("WHEN \(text(branch.condition)) THEN \(text(branch.result))")
    }
    if let otherwise { parts.append("ELSE " + text(otherwise)) }
    return (parts + ["END"]).joined(separator: " ")
  }

  private static func text(_ call: Call) -> String {
    let arguments = call.isStar ? "*" : call.arguments.map { text($0) }.joined(separator: ", ")
    let filter = call.filter.map { " FILTER (WHERE \(text($0)))" } ?? ""
    return "\(call.name.name)(\(call.isDistinct ? "DISTINCT " : "")\(arguments))\(filter)"
  }

  package static func text(_ literal: Literal) -> String {
    switch literal {
    case .null: "NULL"
    case .bool(let value): value ? "TRUE" : "FALSE"
    case .integer(let digits), .decimal(let digits), .double(let digits): digits
    case .string(let text): quoted(text)
    case .timestamp(let text): "TIMESTAMP " + quoted(text)
    case .date(let text): "DATE " + quoted(text)
    case .interval(let count, let unit): "INTERVAL '\(count) \(name(unit, count: count))'"
    }
  }

  /// An operand, in parentheses unless it binds at least as tightly as its place asks (nil: only
  /// what cannot be taken apart).
  private static func part(_ operand: Expression, _ minimum: Precedence?) -> String {
    let text = text(operand)
    guard let own = precedence(operand.kind) else { return text }
    guard let minimum, own >= minimum else { return "(" + text + ")" }
    return text
  }

  /// The operator at the root, or nil for what needs no parentheses anywhere.
  private static func precedence(_ kind: Expression.Kind) -> Precedence? {
    switch kind {
    case .literal, .column, .parameter, .caseWhen, .cast, .call: nil
    case .unary(.not, _): .negation
    case .unary: .sign
    case .binary(let binary, _, _): binary.precedence
    case .conjunction: .conjunction
    case .disjunction: .disjunction
    case .isNull: .test
    case .between, .inList, .like: .membership
    }
  }
}
