import TallyBase

/// How tightly operators bind, loosest first; the order is the oracle's.
enum Precedence: Int, Comparable {
  case disjunction, conjunction, negation, test, comparison, membership, concatenation, sum,
    product, power, sign, postfix

  static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }

  /// What the right operand of a left-associative operator binds with.
  var tighter: Precedence { Precedence(rawValue: rawValue + 1) ?? .postfix }
}

extension BinaryOperator {
  var precedence: Precedence {
    switch self {
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: .comparison
    case .concatenate: .concatenation
    case .add, .subtract: .sum
    case .multiply, .divide, .integerDivide, .modulo: .product
    case .jsonText: .postfix
    }
  }
}

/// An expression and the length of its longest path to a leaf.
struct Tree {
  var expression: Expression
  var height: Int

  var span: SourceSpan { expression.span }
}

extension Parser {
  mutating func parseExpression() throws(TallyError) -> Expression {
    try parseTree(.disjunction).expression
  }

  /// One level above the given parts.
  ///
  /// - Throws: `resourceExhausted` above `heightMax`.
  func tree(
    _ kind: Expression.Kind, span: SourceSpan, height: Int
  ) throws(TallyError) -> Tree {
    guard height < Parser.heightMax else {
      throw TallyError(
        .resourceExhausted,
        "the expression chains more than \(Parser.heightMax) operators", span: span,
        hint: "AND, OR and IN take any number of terms; split longer sums")
    }
    return Tree(expression: Expression(kind, span: span), height: height + 1)
  }

  /// Precedence climbing: everything that binds at least as tightly as `minimum`.
  mutating func parseTree(_ minimum: Precedence) throws(TallyError) -> Tree {
    var left = try parsePrefix()
    while let next = try parseInfix(left, minimum) { left = next }
    return left
  }

  private mutating func parsePrefix() throws(TallyError) -> Tree {
    let token = current
    let prefix: (UnaryOperator, Precedence)
    switch token.kind {
    case .word("not"): prefix = (.not, .test)
    case .sign(.minus): prefix = (.negate, .postfix)
    case .sign(.plus): prefix = (.plus, .postfix)
    default: return try parsePrimary()
    }
    advance()
    let operand = try nested { parser throws(TallyError) in try parser.parseTree(prefix.1) }
    return try tree(
      .unary(prefix.0, operand.expression), span: token.span.union(operand.span),
      height: operand.height)
  }

  /// Extends `left` by one operator, or returns nil if none that binds tightly enough follows.
  private mutating func parseInfix(
    _ left: Tree, _ minimum: Precedence
  ) throws(TallyError) -> Tree? {
    switch current.kind {
    case .word("or") where minimum <= .disjunction:
      return try parseChain(left, "or", .conjunction)
    case .word("and") where minimum <= .conjunction:
      return try parseChain(left, "and", .negation)
    case .word("is") where minimum <= .test:
      return try parseTest(left)
    case .word(let word) where minimum <= .membership:
      return try parseMembership(left, word)
    case .sign(let sign):
      return try parseSign(left, sign, minimum)
    default:
      return nil
    }
  }

  private mutating func parseChain(
    _ first: Tree, _ word: String, _ precedence: Precedence
  ) throws(TallyError) -> Tree {
    var terms = [first.expression]
    var height = first.height
    var span = first.span
    while take(word) {
      let term = try parseTree(precedence)
      terms.append(term.expression)
      height = max(height, term.height)
      span = span.union(term.span)
    }
    let kind: Expression.Kind = word == "or" ? .disjunction(terms) : .conjunction(terms)
    return try tree(kind, span: span, height: height)
  }

  /// `IS [NOT] NULL | TRUE | FALSE`. The tests for a truth value are written with `coalesce`.
  private mutating func parseTest(_ left: Tree) throws(TallyError) -> Tree? {
    advance()
    let negated = take("not")
    let word = current
    guard case .word(let test) = word.kind else { throw unexpected("NULL, NOT NULL or TRUE") }
    let kind: Expression.Kind
    let span = left.span.union(word.span)
    switch test {
    case "null", "unknown":
      kind = .isNull(left.expression, negated: negated)
    case "true", "false":
      // x IS TRUE = coalesce(x, false); x IS FALSE = NOT coalesce(x, true).
      let isInverted = negated != (test == "false")
      let plain = Call(
        name: Identifier("coalesce", span: word.span),
        arguments: [
          left.expression, Expression(.literal(.bool(test == "false")), span: word.span),
        ])
      guard isInverted else { return try finishTest(.call(plain), span, left) }
      kind = .unary(.not, Expression(.call(plain), span: span))
    case "distinct":
      throw unsupported("IS DISTINCT FROM")
    default:
      throw unexpected("NULL, NOT NULL or TRUE", near: ["null", "not", "true", "false"])
    }
    return try finishTest(kind, span, left)
  }

  private mutating func finishTest(
    _ kind: Expression.Kind, _ span: SourceSpan, _ left: Tree
  ) throws(TallyError) -> Tree {
    advance()
    return try tree(kind, span: span, height: left.height + 1)
  }

  /// `[NOT] BETWEEN | IN | LIKE | ILIKE`
  private mutating func parseMembership(
    _ left: Tree, _ word: String
  ) throws(TallyError) -> Tree? {
    let negated = word == "not"
    guard case .word(let test) = token(negated ? 1 : 0).kind else {
      if negated { throw notAfterExpression() }
      return nil
    }
    switch test {
    case "between", "in", "like", "ilike": break
    case "similar", "glob", "regexp", "rlike":
      guard negated || isAt("to", 1) || isStringNext else { return nil }
      throw unsupported(test == "similar" ? "SIMILAR TO" : test.uppercased(), hint: "use LIKE")
    default:
      if negated { throw notAfterExpression() }
      return nil
    }
    if negated { advance() }
    advance()
    switch test {
    case "between": return try parseBetween(left, negated: negated)
    case "in": return try parseInList(left, negated: negated)
    default: return try parseLike(left, ignoringCase: test == "ilike", negated: negated)
    }
  }

  private var isStringNext: Bool {
    if case .string = token(1).kind { true } else { false }
  }

  private func notAfterExpression() -> TallyError {
    TallyError(
      .syntax, "found \(describe(token(1))) after NOT, expected IN, BETWEEN, LIKE or ILIKE",
      span: token(1).span)
  }

  private mutating func parseBetween(_ left: Tree, negated: Bool) throws(TallyError) -> Tree {
    let low = try parseTree(.concatenation)
    guard take("and") else { throw unexpected("AND and the upper bound", near: ["and"]) }
    let high = try parseTree(.concatenation)
    return try tree(
      .between(
        left.expression, low: low.expression, high: high.expression, negated: negated),
      span: left.span.union(high.span), height: max(left.height, low.height, high.height))
  }

  private mutating func parseInList(_ left: Tree, negated: Bool) throws(TallyError) -> Tree {
    try expect(.leftParenthesis, " and a list")
    if isAt("select") || isAt("from") { throw unsupported("a subquery") }
    var height = left.height
    var items: [Expression] = []
    let start = current
    repeat {
      guard items.count < Parser.listItemCountMax else {
        throw TallyError(
          .resourceExhausted, "the IN list has more than \(Parser.listItemCountMax) items",
          span: start.span)
      }
      let item = try nested { parser throws(TallyError) in try parser.parseTree(.disjunction) }
      items.append(item.expression)
      height = max(height, item.height)
    } while take(.comma)
    try expect(.rightParenthesis, " or a comma")
    let end = tokens[index - 1].span
    return try tree(
      .inList(left.expression, items, negated: negated), span: left.span.union(end),
      height: height)
  }

  private mutating func parseLike(
    _ left: Tree, ignoringCase: Bool, negated: Bool
  ) throws(TallyError) -> Tree {
    let pattern = try parseTree(.concatenation)
    if isAt("escape"), isStringNext { throw unsupported("ESCAPE") }
    return try tree(
      .like(
        left.expression, pattern: pattern.expression, ignoringCase: ignoringCase,
        negated: negated),
      span: left.span.union(pattern.span), height: max(left.height, pattern.height))
  }

  private mutating func parseSign(
    _ left: Tree, _ sign: Token.Sign, _ minimum: Precedence
  ) throws(TallyError) -> Tree? {
    switch sign {
    case .doubleColon:
      advance()
      let type = try parseType()
      return try tree(
        .cast(left.expression, to: type), span: left.span.union(type.span), height: left.height)
    case .power where minimum <= .power:
      return try parsePower(left)
    default:
      guard let binary = BinaryOperator(rawValue: sign.rawValue), minimum <= binary.precedence
      else { return nil }
      return try parseBinary(left, binary)
    }
  }

  private mutating func parseBinary(
    _ left: Tree, _ binary: BinaryOperator
  ) throws(TallyError) -> Tree {
    let sign = advance()
    let right = binary == .jsonText ? try parsePrimary() : try parseTree(binary.precedence.tighter)
    if binary.precedence == .comparison, case .sign(let next) = current.kind,
      BinaryOperator(rawValue: next.rawValue)?.precedence == .comparison
    {
      throw TallyError(
        .syntax, "found a chain of comparisons, expected AND between them",
        span: sign.span.union(current.span), hint: "write: a < b AND b < c")
    }
    return try tree(
      .binary(binary, left.expression, right.expression), span: left.span.union(right.span),
      height: max(left.height, right.height))
  }

  /// `x ^ y` is `pow(x, y)`.
  private mutating func parsePower(_ left: Tree) throws(TallyError) -> Tree {
    let sign = advance()
    let right = try parseTree(.sign)
    let call = Call(
      name: Identifier("pow", span: sign.span), arguments: [left.expression, right.expression])
    return try tree(
      .call(call), span: left.span.union(right.span), height: max(left.height, right.height))
  }
}
