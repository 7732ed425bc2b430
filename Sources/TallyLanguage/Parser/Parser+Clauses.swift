import TallyBase

extension Parser {
  /// The table name after FROM.
  mutating func parseTable() throws(TallyError) -> Identifier {
    if isAt(.leftParenthesis) { throw unsupported("a subquery in FROM") }
    if case .string = current.kind {
      throw unsupported("a file in FROM", hint: "files come in through: tally import FILE")
    }
    let name = try parseName("the table \"usage\"")
    let isFunction = isAt(.leftParenthesis) && name.name != "usage"
    if isAt(.comma) || isFunction || isAt(.point) {
      throw unsupported(
        isAt(.comma) ? "more than one table" : "anything but a table name in FROM",
        hint: "the only table is usage")
    }
    if isAt("as") { throw unsupported("an alias for the table") }
    return name
  }

  /// `ALL`, or keys that may carry aliases.
  mutating func parseGroupBy() throws(TallyError) -> GroupBy {
    let start = current
    if isAt("all"), !isOperator(at: 1) {
      advance()
      return .all(start.span)
    }
    if case .word(let word) = start.kind {
      let isGroupingSet = isAt(.leftParenthesis, 1) || isAt("sets", 1)
      switch word {
      case "rollup" where isGroupingSet: throw unsupported("GROUP BY ROLLUP")
      case "cube" where isGroupingSet: throw unsupported("GROUP BY CUBE")
      case "grouping" where isGroupingSet: throw unsupported("GROUPING SETS")
      default: break
      }
    }
    var keys: [GroupKey] = []
    repeat {
      if !keys.isEmpty, current.kind == .end || clause(at: 0) != nil { break }
      let expression = try parseExpression()
      keys.append(GroupKey(expression, alias: try parseOptionalAlias()))
    } while take(.comma)
    return .keys(keys)
  }

  /// Whether the token at `offset` joins what stands before it into a larger expression.
  private func isOperator(at offset: Int) -> Bool {
    if case .sign(let sign) = token(offset).kind { sign != .semicolon } else { false }
  }

  /// `expression [ASC | DESC] [NULLS FIRST | LAST], ...`
  mutating func parseOrderItems() throws(TallyError) -> [OrderItem] {
    var items: [OrderItem] = []
    repeat {
      if !items.isEmpty, current.kind == .end || clause(at: 0) != nil { break }
      if isAt("all"), !isOperator(at: 1) { throw unsupported("ORDER BY ALL") }
      var item = OrderItem(try parseExpression())
      if take("desc") {
        item.isDescending = true
      } else {
        _ = take("asc")
      }
      if take("nulls") {
        if take("first") {
          item.nullsFirst = true
        } else if take("last") {
          item.nullsFirst = false
        } else {
          throw unexpected("FIRST or LAST", near: ["first", "last"])
        }
      }
      items.append(item)
    } while take(.comma)
    return items
  }

  /// A part of the language, or of the oracle's, that this version answers with `unsupported`.
  func unsupportedFeature(at offset: Int) -> String? {
    guard case .word(let word) = token(offset).kind else { return nil }
    func isNext(_ words: String...) -> Bool { words.contains { isAt($0, offset + 1) } }
    switch word {
    case "sample" where isNext("by"): return "SAMPLE BY"
    case "fill" where isAt(.leftParenthesis, offset + 1): return "FILL"
    case "with" where isNext("totals"): return "WITH TOTALS"
    case "with" where isNext("rollup", "cube"): return "WITH ROLLUP"
    case "with" where isNext("others"): return "WITH OTHERS"
    case "compare" where isNext("to"): return "COMPARE TO"
    case "union", "intersect", "except":
      return isNext("all", "select", "from", "by") ? word.uppercased() : nil
    case "join": return "JOIN"
    case "inner", "left", "right", "full", "cross", "natural", "semi", "anti", "asof":
      return isNext("join", "outer") ? "JOIN" : nil
    case "qualify": return "QUALIFY"
    case "window" where isNext("w") || isAt("as", offset + 2): return "WINDOW"
    case "fetch" where isNext("first", "next"): return "FETCH FIRST"
    case "using" where isNext("sample"): return "USING SAMPLE"
    case "tablesample": return "TABLESAMPLE"
    default: return nil
    }
  }
}
