import TallyBase

extension Parser {
  /// Names of types, as after CAST ... AS.
  private static let types: [String: LogicalType] = [
    "bool": .bool, "boolean": .bool, "logical": .bool,
    "int": .int64, "integer": .int64, "bigint": .int64, "int64": .int64, "int8": .int64,
    "long": .int64,
    "hugeint": .int128, "int128": .int128,
    "double": .double, "float8": .double,
    "timestamp": .timestamp, "datetime": .timestamp,
    "date": .date,
    "text": .text, "varchar": .text, "string": .text, "char": .text, "bpchar": .text,
  ]

  /// Types of the oracle whose range or precision differs from anything here.
  private static let foreignTypes: [String: String] = [
    "float": "double", "float4": "double", "real": "double",
    "smallint": "bigint", "tinyint": "bigint", "int2": "bigint", "int4": "bigint",
    "ubigint": "hugeint", "uinteger": "bigint",
    "timestamptz": "timestamp", "time": "timestamp",
  ]

  mutating func parseType() throws(TallyError) -> Located<LogicalType> {
    let token = current
    guard case .word(let word) = token.kind else { throw unexpected("a type") }
    if word == "decimal" || word == "numeric" || word == "dec" {
      advance()
      return Located(try parseDecimal(token), span: span(from: token))
    }
    guard let type = Parser.types[word] else { throw unknownType(word, token) }
    advance()
    if word == "double" { _ = take("precision") }
    if type == .text, take(.leftParenthesis) {
      _ = try parseCount("a length")
      try expect(.rightParenthesis)
    }
    if type == .timestamp, isAt("with"), isAt("time", 1) {
      throw unsupported("TIMESTAMP WITH TIME ZONE")
    }
    return Located(type, span: span(from: token))
  }

  /// `decimal[(precision [, scale])]`; without numbers (18,3), as in the oracle.
  private mutating func parseDecimal(_ start: Token) throws(TallyError) -> LogicalType {
    guard take(.leftParenthesis) else { return .decimal(precision: 18, scale: 3) }
    let precision = try parseCount("a precision")
    let scale = take(.comma) ? try parseCount("a scale") : 0
    try expect(.rightParenthesis)
    guard (1...38).contains(precision), scale <= precision else {
      throw TallyError(
        .syntax,
        "found decimal(\(precision),\(scale)), expected a precision from 1 to 38 and a scale of "
          + "at most the precision", span: span(from: start))
    }
    return .decimal(precision: precision, scale: scale)
  }

  private func unknownType(_ word: String, _ token: Token) -> TallyError {
    if let other = Parser.foreignTypes[word] {
      return unsupported("the type \(word)", span: token.span, hint: "use \(other)")
    }
    let names = Suggestion.nearest(to: word, among: Parser.types.keys.sorted() + ["decimal"])
    return TallyError(
      .syntax, "found \(describe(token)), expected a type", span: token.span,
      hint: Suggestion.hint(names, quote: "")
        ?? "types are bigint, hugeint, decimal(p,s), double, text, bool, timestamp and date")
  }
}
