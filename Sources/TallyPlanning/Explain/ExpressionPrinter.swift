package import TallyBase
import TallyLanguage

/// Writes bound expressions in the words of the query language, for EXPLAIN.
package enum ExpressionPrinter {
  /// - Parameter names: what to call the columns of the operator's input.
  package static func text(_ expression: BoundExpression, names: [String]) -> String {
    switch expression.kind {
    case .column(let index):
      return names.indices.contains(index) ? names[index] : "#\(index)"
    case .literal(let value):
      return text(value)
    case .call(let function, let arguments):
      return text(function, arguments.map { operand($0, names) }, arguments, names)
    case .cast(let operand):
      return "CAST(\(text(operand, names: names)) AS \(expression.type))"
    case .and(let terms):
      return terms.map { operand($0, names) }.joined(separator: " AND ")
    case .or(let terms):
      return terms.map { operand($0, names) }.joined(separator: " OR ")
    case .not(let inner):
      return "NOT " + operand(inner, names)
    case .isNull(let inner, let negated):
      return operand(inner, names) + (negated ? " IS NOT NULL" : " IS NULL")
    case .compare(let comparison, let left, let right):
      return "\(operand(left, names)) \(comparison.rawValue) \(operand(right, names))"
    case .inList, .like:
      return membership(expression, names)
    case .caseWhen(let branches, let otherwise):
      return text(branches, otherwise, names)
    case .overDictionary(let index, let body):
      let name = names.indices.contains(index) ? names[index] : "#\(index)"
      return "dictionary(\(text(body, names: [name])))"
    }
  }

  /// Items of a list shown before it is cut off.
  private static let listItemCountShown = 8

  private static func membership(_ expression: BoundExpression, _ names: [String]) -> String {
    switch expression.kind {
    case .inList(let inner, let items, let negated):
      var shown = items.prefix(listItemCountShown).map { text($0) }
      if items.count > shown.count { shown.append("... \(items.count - shown.count) more") }
      return operand(inner, names) + (negated ? " NOT IN (" : " IN (")
        + shown.joined(separator: ", ") + ")"
    case .like(let inner, let pattern, let negated):
      return operand(inner, names) + (negated ? " NOT" : "")
        + (pattern.ignoringCase ? " ILIKE " : " LIKE ") + text(.text(pattern.pattern))
    default:
      return text(expression, names: names)
    }
  }

  private static func text(
    _ branches: [BoundExpression.Branch], _ otherwise: BoundExpression, _ names: [String]
  ) -> String {
    let parts = branches.map { branch in
      "WHEN \(text(branch.condition, names: names)) THEN \(text(branch.result, names: names))"
    }
    return "CASE \(parts.joined(separator: " ")) ELSE \(text(otherwise, names: names)) END"
  }

  /// An operand, in parentheses if it is an operator itself.
  private static func operand(_ expression: BoundExpression, _ names: [String]) -> String {
    let result = text(expression, names: names)
    switch expression.kind {
    case .column, .literal, .cast, .caseWhen, .overDictionary: return result
    case .call(let function, _): return infix(function) == nil ? result : "(\(result))"
    default: return "(\(result))"
    }
  }

  private static func infix(_ function: ScalarFunction) -> String? {
    switch function {
    case .add, .addInterval: "+"
    case .subtract: "-"
    case .multiply: "*"
    case .divide: "/"
    case .integerDivide: "//"
    case .modulo: "%"
    case .concatenate: "||"
    default: nil
    }
  }

  private static func text(
    _ function: ScalarFunction, _ operands: [String], _ arguments: [BoundExpression],
    _ names: [String]
  ) -> String {
    if let sign = infix(function) { return operands.joined(separator: " \(sign) ") }
    if function == .negate { return "-" + operands.joined() }
    var list = arguments.map { text($0, names: names) }
    switch function {
    case .dateTruncate(let unit): list.insert("'\(unit.rawValue)'", at: 0)
    case .dateDifference(let unit): list.insert("'\(unit.rawValue)'", at: 0)
    case .datePart(let part): list.insert("'\(part.rawValue)'", at: 0)
    case .timeBucket(let width): list.insert("'\(width) microseconds'", at: 0)
    case .round(let digits): if digits != 0 { list.append("\(digits)") }
    default: break
    }
    return "\(name(function))(\(list.joined(separator: ", ")))"
  }

  /// The name queries use.
  package static func name(_ function: ScalarFunction) -> String {
    switch function {
    case .absolute: "abs"
    case .ceiling: "ceil"
    case .squareRoot: "sqrt"
    case .naturalLogarithm: "ln"
    case .logarithm10: "log10"
    case .exponential: "exp"
    case .nullIf: "nullif"
    case .leftTrim: "ltrim"
    case .rightTrim: "rtrim"
    case .startsWith: "starts_with"
    case .endsWith: "ends_with"
    case .splitPart: "split_part"
    case .jsonText: "json_text"
    case .dateTruncate: "date_trunc"
    case .timeBucket: "time_bucket"
    case .datePart: "date_part"
    case .epochMilliseconds: "epoch_ms"
    case .dateDifference: "date_diff"
    case .formatTime: "strftime"
    case .round: "round"
    default: "\(function)"
    }
  }

  /// A literal as a query writes it.
  package static func text(_ value: Value) -> String {
    switch value {
    case .null: "NULL"
    case .bool(let truth): truth ? "TRUE" : "FALSE"
    case .int(let number): String(number)
    case .decimal(let unscaled, let scale):
      DecimalNumber(unscaled: unscaled, scale: scale).text
    case .double(let number): number.description
    case .timestamp(let time): "TIMESTAMP '\(TimestampText.formatPlain(time))'"
    case .date(let day): "DATE '\(CivilDate(day: day))'"
    case .interval(let interval): text(interval)
    case .text(let text): SyntaxPrinter.text(Literal.string(text.string))
    }
  }

  private static func text(_ interval: Interval) -> String {
    var parts: [String] = []
    if interval.months != 0 { parts.append("INTERVAL \(interval.months) months") }
    if interval.days != 0 { parts.append("INTERVAL \(interval.days) days") }
    if interval.microseconds != 0 || parts.isEmpty {
      parts.append("INTERVAL \(interval.microseconds) microseconds")
    }
    return parts.joined(separator: " + ")
  }

  /// An aggregate as a query writes it.
  package static func text(_ call: AggregateCall, names: [String]) -> String {
    let argument = call.argument.map { text($0, names: names) } ?? "*"
    let distinct = call.isDistinct ? "DISTINCT " : ""
    let body =
      switch call.function {
      case .countRows: "count(*)"
      case .count: "count(\(distinct)\(argument))"
      case .sum: "sum(\(distinct)\(argument))"
      case .average: "avg(\(distinct)\(argument))"
      case .minimum: "min(\(argument))"
      case .maximum: "max(\(argument))"
      case .quantileContinuous(let fraction): "quantile_cont(\(argument), \(fraction))"
      case .quantileDiscrete(let fraction): "quantile_disc(\(argument), \(fraction))"
      case .quantileApproximate(let fraction): "approx_quantile(\(argument), \(fraction))"
      }
    guard let filter = call.filter else { return body }
    return body + " FILTER (WHERE \(text(filter, names: names)))"
  }
}
