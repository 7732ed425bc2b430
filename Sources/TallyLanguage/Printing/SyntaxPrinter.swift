import TallyBase

/// Writes syntax trees as canonical query text. Parsing the text yields the same tree, places
/// apart.
package enum SyntaxPrinter {
  package static func text(_ statement: Statement) -> String {
    switch statement {
    case .query(let query): text(query)
    case .explain(let query, let analyze): (analyze ? "EXPLAIN ANALYZE " : "EXPLAIN ") + text(query)
    case .show(let show): text(show)
    case .set(let name, let value): "SET \(text(name)) = \(setting(value))"
    }
  }

  package static func text(_ query: Query) -> String {
    var parts: [String] = []
    if query.isShortForm, let from = query.from { parts.append("FROM " + text(from)) }
    let items = query.select.map(text).joined(separator: ", ")
    if !query.isShortForm { parts.append("SELECT") }
    if query.isDistinct { parts.append("DISTINCT") }
    if !items.isEmpty { parts.append(items) }
    if !query.isShortForm, let from = query.from { parts.append("FROM " + text(from)) }
    if let range = query.timeRange { parts.append(text(range)) }
    if let filter = query.filter { parts.append("WHERE " + text(filter)) }
    if let groupBy = query.groupBy {
      parts.append((query.isShortForm ? "BY " : "GROUP BY ") + text(groupBy))
    }
    if let having = query.having { parts.append("HAVING " + text(having)) }
    if !query.orderBy.isEmpty {
      parts.append("ORDER BY " + query.orderBy.map(text).joined(separator: ", "))
    }
    if let top = query.top {
      parts.append("TOP \(top.count)" + (top.by.map { " BY " + text($0) } ?? ""))
    }
    if let limit = query.limit { parts.append("LIMIT \(limit)") }
    if let offset = query.offset { parts.append("OFFSET \(offset)") }
    if let zone = query.timeZone { parts.append("AT TIME ZONE " + quoted(zone.value)) }
    return parts.joined(separator: " ")
  }

  private static func text(_ item: SelectItem) -> String {
    switch item {
    case .all: "*"
    case .expression(let expression, let alias): text(expression) + text(alias: alias)
    }
  }

  private static func text(_ groupBy: GroupBy) -> String {
    switch groupBy {
    case .all: "ALL"
    case .keys(let keys):
      keys.map { text($0.expression) + text(alias: $0.alias) }.joined(separator: ", ")
    }
  }

  private static func text(_ item: OrderItem) -> String {
    var result = text(item.expression) + (item.isDescending ? " DESC" : "")
    if let nullsFirst = item.nullsFirst { result += nullsFirst ? " NULLS FIRST" : " NULLS LAST" }
    return result
  }

  private static func text(_ range: TimeRange) -> String {
    switch range.kind {
    case .last(let count, let unit): "LAST \(count) \(name(unit, count: count).uppercased())"
    case .between(let since, let until):
      [since.map { "SINCE " + quoted($0) }, until.map { "UNTIL " + quoted($0) }]
        .compactMap { $0 }.joined(separator: " ")
    case .today: "TODAY"
    case .yesterday: "YESTERDAY"
    case .this(let unit): "THIS " + unit.rawValue.uppercased()
    case .previous(let unit): "LAST " + unit.rawValue.uppercased()
    case .during(let text): "DURING " + quoted(text)
    }
  }

  private static func text(_ show: Show) -> String {
    switch show {
    case .columns: return "SHOW COLUMNS"
    case .partitions: return "SHOW PARTITIONS"
    case .rollups: return "SHOW ROLLUPS"
    case .rejects: return "SHOW REJECTS"
    case .values(let column, let pattern, let limit):
      var result = "SHOW VALUES " + text(column)
      if let pattern { result += " LIKE " + quoted(pattern) }
      if let limit { result += " LIMIT \(limit)" }
      return result
    }
  }

  /// A setting's value: SET takes a duration in its short form only.
  private static func setting(_ value: Literal) -> String {
    guard case .interval(let count, let unit) = value else { return text(value) }
    return "\(count)\(unit.rawValue)s"
  }

  private static func text(alias: Identifier?) -> String {
    guard let alias else { return "" }
    return " AS " + (alias.spelling == alias.name ? text(alias) : alias.spelling)
  }

  /// A name, in double quotes where it would otherwise read as something else.
  package static func text(_ identifier: Identifier) -> String { name(identifier.name) }

  /// A name as a query writes it.
  package static func name(_ name: String) -> String {
    let isPlain =
      name.utf8.first.map { !(0x30...0x39).contains($0) } ?? false
      && name.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
      }
    if isPlain, !Keywords.reserved.contains(name), !Keywords.contextual.contains(name) {
      return name
    }
    return "\"" + doubling("\"", in: name) + "\""
  }

  /// Text in single quotes.
  static func quoted(_ text: String) -> String { "'" + doubling("'", in: text) + "'" }

  private static func doubling(_ quote: Unicode.Scalar, in text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      result.append(scalar)
      if scalar == quote { result.append(scalar) }
    }
    return String(result)
  }

  static func name(_ unit: TimeUnit, count: Int) -> String {
    unit.rawValue + (count == 1 ? "" : "s")
  }
}
