import TallyBase

extension Parser {
  /// `TIMESTAMP '...'`, `DATE '...'`, `INTERVAL ...`; nil, and nothing taken, if the word stands
  /// for a column or a function.
  mutating func parseTypedLiteral(_ word: String) throws(TallyError) -> Literal? {
    let next = token(1)
    switch (word, next.kind) {
    case ("date", .string(let text)):
      advance()
      advance()
      return .date(text)
    case ("timestamp", .string(let text)):
      advance()
      advance()
      return .timestamp(text)
    case ("interval", .string(let text)):
      advance()
      advance()
      return try parseInterval(text, at: next)
    case ("interval", .integer(let digits)):
      advance()
      advance()
      guard let unit = unit(at: 0) else { throw unexpected("a unit of time after the number") }
      advance()
      return .interval(count: try intervalCount(digits, at: next), unit: unit)
    case ("interval", .duration(let digits, let unit)):
      advance()
      advance()
      return .interval(count: try intervalCount(digits, at: next), unit: unit)
    case ("interval", .sign(.leftParenthesis)) where unitAfterParenthesis:
      throw unsupported("an INTERVAL with a computed count")
    default:
      return nil
    }
  }

  /// Whether the parenthesis one token ahead closes right before a unit of time.
  private var unitAfterParenthesis: Bool {
    var depth = 0
    var offset = 1
    while token(offset).kind != .end {
      if isAt(.leftParenthesis, offset) { depth += 1 }
      if isAt(.rightParenthesis, offset) { depth -= 1 }
      if depth == 0 { return unit(at: offset + 1) != nil }
      offset += 1
    }
    return false
  }

  /// The text of `INTERVAL '3 days'`, or `INTERVAL '3' DAY` with the unit after it.
  private mutating func parseInterval(
    _ text: String, at token: Token
  ) throws(TallyError) -> Literal {
    let words = text.split(whereSeparator: { $0.isWhitespace }).map { $0.lowercased() }
    if words.count == 1, let unit = unit(at: 0), let first = words.first,
      first.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2D })
    {
      advance()
      return .interval(count: try intervalCount(first, at: token), unit: unit)
    }
    if words.count == 2, let unit = TimeUnit(word: words[1]) {
      return .interval(count: try intervalCount(words[0], at: token), unit: unit)
    }
    if words.count == 1, let first = words.first {
      let digits = first.prefix { $0.isNumber || $0 == "-" }
      if !digits.isEmpty, let unit = TimeUnit(word: String(first.dropFirst(digits.count))) {
        return .interval(count: try intervalCount(String(digits), at: token), unit: unit)
      }
    }
    if words.count > 2 {
      throw unsupported(
        "an interval of several units", span: token.span, hint: "add two intervals instead")
    }
    throw TallyError(
      .syntax, "found the interval \(describe(token)), expected a count and a unit",
      span: token.span, hint: "for example INTERVAL '3 days'")
  }

  /// The count of an interval; more than 2^31 of any unit leaves the range of times.
  func intervalCount(_ digits: String, at token: Token) throws(TallyError) -> Int {
    guard let count = Int(digits), count.magnitude <= 1 << 31 else {
      throw TallyError(
        .syntax, "found \"\(digits)\" units of time, expected a whole number below 2147483648",
        span: token.span)
    }
    return count
  }
}
