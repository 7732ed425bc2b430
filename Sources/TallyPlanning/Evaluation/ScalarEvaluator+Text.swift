import TallyBase

extension ScalarEvaluator {
  /// Text functions; nil if the function is another. No argument is NULL.
  static func text(_ function: ScalarFunction, _ arguments: [Value]) -> Value? {
    guard case .text(let first) = arguments.first else { return nil }
    let rest = arguments.dropFirst()
    if let value = unaryText(function, first) { return value }
    switch function {
    case .substring:
      guard let start = integer(rest.first) else { return nil }
      let length = integer(rest.dropFirst().first)
      return .text(TextMath.substring(first, start: start, length: length))
    case .left, .right:
      guard let count = integer(rest.first) else { return nil }
      return .text(function == .left ? TextMath.left(first, count) : TextMath.right(first, count))
    default:
      break
    }
    guard case .text(let second) = rest.first else { return nil }
    return textPair(function, first, second, rest.dropFirst().first)
  }

  private static func unaryText(_ function: ScalarFunction, _ text: ByteString) -> Value? {
    switch function {
    case .lower: .text(TextMath.lowercased(text))
    case .upper: .text(TextMath.uppercased(text))
    case .length: .int(Int128(TextMath.length(text)))
    case .trim: .text(TextMath.trim(text, left: true, right: true))
    case .leftTrim: .text(TextMath.trim(text, left: true, right: false))
    case .rightTrim: .text(TextMath.trim(text, left: false, right: true))
    default: nil
    }
  }

  private static func textPair(
    _ function: ScalarFunction, _ first: ByteString, _ second: ByteString, _ third: Value?
  ) -> Value? {
    switch function {
    case .concatenate: return .text(ByteString(first.bytes + second.bytes))
    case .startsWith: return .bool(first.bytes.starts(with: second.bytes))
    case .endsWith: return .bool(first.bytes.reversed().starts(with: second.bytes.reversed()))
    case .contains:
      return .bool(TextMath.find(second.bytes[...], in: first.bytes[...], from: 0) != nil)
    case .jsonText:
      return JSONMember.text(of: second, in: first).map { .text($0) } ?? .null
    case .replace:
      guard case .text(let replacement) = third else { return nil }
      return .text(TextMath.replace(first, from: second, to: replacement))
    case .splitPart:
      guard let index = integer(third) else { return nil }
      return .text(TextMath.splitPart(first, separator: second, index: index))
    default: return nil
    }
  }

  private static func integer(_ value: Value?) -> Int64? {
    guard case .int(let number) = value else { return nil }
    return Int64(clamping: number)
  }
}
