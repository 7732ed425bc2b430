import TallyBase
import TallyLanguage

extension ExpressionBinder {
  /// Text functions; nil if the name is none.
  mutating func bindTextFunction(_ call: FunctionCall) throws(TallyError) -> BoundExpression? {
    guard ScalarNames.text.contains(call.name) else { return nil }
    switch call.name {
    case "lower", "lcase": return try textual(.lower, call, [.text], .text)
    case "upper", "ucase": return try textual(.upper, call, [.text], .text)
    case "trim": return try textual(.trim, call, [.text], .text)
    case "ltrim": return try textual(.leftTrim, call, [.text], .text)
    case "rtrim": return try textual(.rightTrim, call, [.text], .text)
    case "length", "len", "char_length", "character_length":
      return try textual(.length, call, [.text], .int64)
    case "replace": return try textual(.replace, call, [.text, .text, .text], .text)
    case "starts_with", "prefix": return try textual(.startsWith, call, [.text, .text], .bool)
    case "ends_with", "suffix": return try textual(.endsWith, call, [.text, .text], .bool)
    case "contains": return try textual(.contains, call, [.text, .text], .bool)
    case "split_part": return try textual(.splitPart, call, [.text, .text, .int64], .text)
    case "left": return try textual(.left, call, [.text, .int64], .text)
    case "right": return try textual(.right, call, [.text, .int64], .text)
    case "json_text": return try textual(.jsonText, call, [.text, .text], .text)
    case "concat": return try bindConcat(call)
    default:
      try call.expect(2...3)
      let types: [LogicalType] =
        call.arguments.count == 3 ? [.text, .int64, .int64] : [.text, .int64]
      return try textual(.substring, call, types, .text)
    }
  }

  private func textual(
    _ function: ScalarFunction, _ call: FunctionCall, _ types: [LogicalType],
    _ result: LogicalType
  ) throws(TallyError) -> BoundExpression {
    try call.expect(types.count...types.count)
    var operands: [BoundExpression] = []
    for (argument, type) in zip(call.arguments, types) {
      operands.append(try self.argument(argument, as: type, of: call.name))
    }
    return .call(function, operands, result)
  }

  /// `concat` skips NULL, unlike `||`.
  private func bindConcat(_ call: FunctionCall) throws(TallyError) -> BoundExpression {
    try call.expect(1...100)
    let empty = BoundExpression.literal(.text(""), .text)
    var result: BoundExpression?
    for argument in call.arguments {
      let text = BoundExpression.call(.coalesce, [try asText(argument), empty], .text)
      result = result.map { .call(.concatenate, [$0, text], .text) } ?? text
    }
    return result ?? empty
  }
}
