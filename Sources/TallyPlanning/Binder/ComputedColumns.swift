import TallyBase
import TallyLanguage

/// Columns that every query can name but no store holds. They are written in the query language
/// and expand where they are used; a stored column of the same name wins.
enum ComputedColumns {
  /// Money columns keep every digit of `cost`: rounding, if any, is left to the final value.
  private static let definitions: [(name: String, text: String)] = [
    (
      "uncached_input_tokens",
      "input_tokens - coalesce(cache_read_tokens, 0) - coalesce(cache_write_tokens, 0)"
    ),
    ("total_tokens", "input_tokens + coalesce(output_tokens, 0)"),
    ("tokens_per_second", "CAST(output_tokens AS double) * 1000 / latency_ms"),
    ("cost_micros", "CAST(CAST(cost AS decimal(38,9)) * 1000000 AS decimal(38,3))"),
    ("cost_cents", "CAST(CAST(cost AS decimal(38,9)) * 100 AS decimal(38,7))"),
    ("second", "date_trunc('second', time)"),
    ("minute", "date_trunc('minute', time)"),
    ("hour", "date_trunc('hour', time)"),
    ("day", "date_trunc('day', time)"),
    ("week", "date_trunc('week', time)"),
    ("month", "date_trunc('month', time)"),
    ("quarter", "date_trunc('quarter', time)"),
    ("year", "date_trunc('year', time)"),
    ("date", "CAST(time AS date)"),
    ("weekday", "date_part('dow', time)"),
    ("hour_of_day", "date_part('hour', time)"),
  ]

  static var names: [String] { definitions.map(\.name) }

  /// The definition of a computed column, or nil if there is none of that name.
  static func expression(named name: String) -> Expression? {
    guard let definition = definitions.first(where: { $0.name == name }) else { return nil }
    return try? Parser.parseExpression(definition.text)
  }
}
