import TallyBase

extension Parser {
  /// Whether a time range begins `offset` tokens ahead.
  func isTimeRange(at offset: Int) -> Bool {
    guard case .word(let word) = token(offset).kind else { return false }
    switch word {
    case "last":
      switch token(offset + 1).kind {
      case .integer, .duration: return true
      default: return unit(at: offset + 1) != nil
      }
    case "this":
      return unit(at: offset + 1) != nil
    case "since", "until", "during":
      return isTimeText(at: offset + 1)
    case "today", "yesterday":
      return !isAt(.leftParenthesis, offset + 1)
    default:
      return false
    }
  }

  /// `'...'`, `DATE '...'` or `TIMESTAMP '...'`
  private func isTimeText(at offset: Int) -> Bool {
    if case .string = token(offset).kind { return true }
    guard isAt("date", offset) || isAt("timestamp", offset) else { return false }
    if case .string = token(offset + 1).kind { return true }
    return false
  }

  /// Parses the range whose first word, `start`, has been taken.
  mutating func parseTimeRange(start: Token, into query: inout Query) throws(TallyError) {
    let kind = try parseTimeRangeKind(start)
    let range = TimeRange(kind, span: span(from: start))
    guard let earlier = query.timeRange else {
      query.timeRange = range
      return
    }
    // SINCE and UNTIL may stand apart.
    switch (earlier.kind, kind) {
    case (.between(let since?, nil), .between(nil, let until?)),
      (.between(nil, let until?), .between(let since?, nil)):
      query.timeRange = TimeRange(
        .between(since: since, until: until), span: earlier.span.union(range.span))
    default:
      throw TallyError(
        .syntax, "found a second time range, expected one", span: range.span,
        hint: "give one range, or conditions on time in WHERE")
    }
  }

  private mutating func parseTimeRangeKind(_ start: Token) throws(TallyError) -> TimeRange.Kind {
    switch start.kind {
    case .word("last"):
      return try parseLast()
    case .word("this"):
      guard let unit = unit(at: 0) else { throw unexpected("a unit of time") }
      advance()
      return .this(unit)
    case .word("since"):
      let since = try parseTimeText()
      let until = isAt("until") && isTimeText(at: 1) ? try parseUntil() : nil
      return .between(since: since, until: until)
    case .word("until"):
      return .between(since: nil, until: try parseTimeText())
    case .word("during"):
      return .during(try parseTimeText())
    case .word("yesterday"):
      return .yesterday
    default:
      return .today
    }
  }

  private mutating func parseUntil() throws(TallyError) -> String {
    advance()
    return try parseTimeText()
  }

  private mutating func parseTimeText() throws(TallyError) -> String {
    if isAt("date") || isAt("timestamp") { advance() }
    return try parseString("a time in quotes").value
  }

  /// `7d`, `3 months`, `month`
  private mutating func parseLast() throws(TallyError) -> TimeRange.Kind {
    let token = current
    switch token.kind {
    case .duration(let digits, let unit):
      advance()
      return .last(count: try positive(digits, at: token), unit: unit)
    case .integer(let digits):
      advance()
      guard let unit = unit(at: 0) else {
        throw unexpected(
          "a unit of time after the number",
          near: ["minutes", "hours", "days", "weeks", "months", "quarters", "years"])
      }
      advance()
      return .last(count: try positive(digits, at: token), unit: unit)
    default:
      guard let unit = unit(at: 0) else { throw unexpected("a unit of time") }
      advance()
      return .previous(unit)
    }
  }

  private func positive(_ digits: String, at token: Token) throws(TallyError) -> Int {
    guard let count = Int(digits), count >= 1, count <= 1_000_000_000 else {
      throw TallyError(
        .syntax, "found \(digits) units of time, expected a count from 1 to 1000000000",
        span: token.span)
    }
    return count
  }
}
