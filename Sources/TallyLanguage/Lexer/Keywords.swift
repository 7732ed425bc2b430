/// The words of the language.
package enum Keywords {
  /// Words that are never a column name unless quoted. Everything else, `user`, `time`, `last` and
  /// `top` included, is a name wherever it cannot be a keyword.
  package static let reserved: Set<String> = [
    "and", "as", "between", "by", "case", "distinct", "else", "end", "false", "from", "group",
    "having", "ilike", "in", "is", "like", "limit", "not", "null", "offset", "or", "order",
    "select", "then", "true", "when", "where",
  ]

  /// Words that begin a clause after a complete expression, and so must be quoted where a name
  /// could be mistaken for them.
  static let contextual: Set<String> = [
    "all", "at", "compare", "current_date", "current_timestamp", "cross", "describe", "during",
    "except",
    "explain", "fetch", "full", "inner", "intersect", "join", "last", "left", "natural", "qualify",
    "right", "sample", "set", "show", "since", "this", "today", "top", "union", "until", "window",
    "with", "yesterday",
  ]

  /// Keywords for completion and for suggestions, as users type them.
  package static let all: [String] = [
    "SELECT", "FROM", "WHERE", "GROUP BY", "BY", "HAVING", "ORDER BY", "LIMIT", "OFFSET", "TOP",
    "LAST", "SINCE", "UNTIL", "DURING", "TODAY", "YESTERDAY", "THIS", "AT TIME ZONE", "DISTINCT",
    "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL", "CASE", "WHEN",
    "THEN", "ELSE", "END", "AS", "ASC", "DESC", "NULLS FIRST", "NULLS LAST", "CAST", "INTERVAL",
    "TIMESTAMP", "DATE", "EXTRACT", "FILTER", "ALL", "NULL", "TRUE", "FALSE", "EXPLAIN", "ANALYZE",
    "SHOW", "COLUMNS", "VALUES", "PARTITIONS", "REJECTS", "DESCRIBE", "SET",
  ]

  /// Words that begin a statement.
  static let statementStarts = ["select", "from", "explain", "show", "describe", "set"]

  /// First words of clauses, for suggestions after a complete item.
  static let clauseStarts = [
    "from", "where", "by", "group", "having", "order", "limit", "offset", "top", "last", "since",
    "until", "during", "today", "yesterday", "this", "at",
  ]
}

extension TimeUnit {
  /// The unit a word or the letters of a duration name, in lower case: `d`, `day`, `days`.
  package init?(word: String) {
    switch word {
    case "us", "microsecond", "microseconds": self = .microsecond
    case "ms", "millisecond", "milliseconds": self = .millisecond
    case "s", "sec", "secs", "second", "seconds": self = .second
    case "m", "min", "mins", "minute", "minutes": self = .minute
    case "h", "hr", "hour", "hours": self = .hour
    case "d", "day", "days": self = .day
    case "w", "week", "weeks": self = .week
    case "mo", "mon", "month", "months": self = .month
    case "q", "quarter", "quarters": self = .quarter
    case "y", "yr", "year", "years": self = .year
    default: return nil
    }
  }
}
