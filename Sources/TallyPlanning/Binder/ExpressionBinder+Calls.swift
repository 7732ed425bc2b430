import TallyBase
import TallyLanguage

extension ExpressionBinder {
  mutating func bindCall(_ call: Call, span: SourceSpan) throws(TallyError) -> BoundExpression {
    let name = call.name.name
    if AggregateNames.isAggregate(name) { return try bindAggregate(call, span: span) }
    guard ScalarNames.all.contains(name) else { throw unknownFunction(call) }
    if let modifier = call.isStar ? "*" : call.isDistinct ? "DISTINCT" : nil {
      throw TallyError(
        .binding, "\(name)() got \(modifier), which only aggregates take", span: call.name.span)
    }
    if call.filter != nil {
      throw TallyError(
        .binding, "\(name)() got FILTER, which only aggregates take", span: call.name.span)
    }
    var arguments: [BoundExpression] = []
    for argument in call.arguments { arguments.append(try bind(argument)) }
    let bound = FunctionCall(name: name, arguments: arguments, span: span)
    if let result = try bindNumericFunction(bound) { return result }
    if let result = try bindTextFunction(bound) { return result }
    if let result = try bindTimeFunction(bound) { return result }
    if let result = try bindConditionalFunction(bound) { return result }
    throw unknownFunction(call)
  }

  private func unknownFunction(_ call: Call) -> TallyError {
    let name = call.name.name
    if let reason = AggregateNames.unsupported[name] {
      return TallyError(
        .unsupported, "\(name)() is not supported yet", span: call.name.span, hint: reason)
    }
    let near = Suggestion.nearest(
      to: name, among: ScalarNames.all.sorted() + AggregateNames.all.sorted())
    return TallyError(
      .binding, "unknown function \"\(name)\"", span: call.name.span,
      hint: Suggestion.hint(near))
  }
}

/// A call of a scalar function with its arguments bound.
struct FunctionCall {
  var name: String
  var arguments: [BoundExpression]
  var span: SourceSpan

  /// - Throws: `binding` unless the number of arguments is in `range`.
  func expect(_ range: ClosedRange<Int>) throws(TallyError) {
    guard !range.contains(arguments.count) else { return }
    let wanted =
      range.lowerBound == range.upperBound
      ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    throw TallyError(
      .binding, "\(name)() got \(arguments.count) arguments, expected \(wanted)", span: span)
  }

  /// An integer that must be written out, such as the digits of `round`.
  func literalInteger(_ index: Int, _ role: String) throws(TallyError) -> Int {
    guard case .int(let value) = arguments[index].literalValue, let number = Int(exactly: value)
    else {
      throw TallyError(
        .binding, "\(name)() expects \(role) to be an integer literal",
        span: arguments[index].span)
    }
    return number
  }

  /// A text that must be written out, such as the unit of `date_trunc`.
  func literalText(_ index: Int, _ role: String) throws(TallyError) -> String {
    guard case .text(let text) = arguments[index].literalValue else {
      throw TallyError(
        .binding, "\(name)() expects \(role) to be a text literal", span: arguments[index].span)
    }
    return text.string
  }
}

/// The scalar functions of the language, by the names queries use.
enum ScalarNames {
  static let numeric: Set<String> = [
    "abs", "round", "floor", "ceil", "ceiling", "sqrt", "power", "pow", "ln", "log", "log10",
    "exp", "sign", "mod", "least", "greatest",
  ]
  static let text: Set<String> = [
    "lower", "upper", "lcase", "ucase", "length", "len", "char_length", "character_length",
    "trim", "ltrim", "rtrim", "substring", "substr", "replace", "starts_with", "prefix",
    "ends_with", "suffix", "contains", "split_part", "left", "right", "concat", "json_text",
  ]
  static let time: Set<String> = [
    "date_trunc", "datetrunc", "time_bucket", "date_part", "datepart", "year", "quarter", "month",
    "week", "weekofyear", "day", "dayofmonth", "hour", "minute", "second", "dayofweek",
    "weekday", "isodow", "dayofyear", "epoch", "epoch_ms", "date_diff", "datediff", "strftime",
    "dayname", "monthname", "now", "current_timestamp", "today", "current_date",
  ]
  static let conditional: Set<String> = ["coalesce", "ifnull", "nullif", "if"]
  static let all = numeric.union(text).union(time).union(conditional)
}
