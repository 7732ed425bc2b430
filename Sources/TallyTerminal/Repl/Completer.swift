internal import TallyBase
internal import TallyFormat
internal import TallyLanguage

/// What the Tab key offers: commands, keywords, functions, columns, and in quotes after a column
/// the column's values.
package final class Completer: Sendable {
  package struct Completion {
    var candidates: [String]
    /// Whether more text is to follow directly, as within quotes or parentheses.
    var isOpen = false
  }

  private let columns: [String]
  private let values: @Sendable (_ column: String, _ prefix: String) -> [String]

  /// Most values offered for one column.
  private static let valueCountMax = 200

  package static let functions = [
    "abs", "approx_count_distinct", "avg", "ceil", "coalesce", "concat", "contains", "count",
    "date_diff", "date_part", "date_trunc", "ends_with", "epoch", "epoch_ms", "exp", "floor",
    "greatest", "least", "left", "length", "ln", "log10", "lower", "ltrim", "max", "median", "min",
    "now", "nullif", "p50", "p90", "p95", "p99", "pow", "quantile_cont", "quantile_disc",
    "replace", "right", "round", "rtrim", "sign", "split_part", "sqrt", "starts_with", "strftime",
    "substring", "sum", "time_bucket", "trim", "upper",
  ]

  package init(columns: [String], values: @escaping @Sendable (String, String) -> [String]) {
    self.columns = columns
    self.values = values
  }

  /// Asks the store for its columns now and for values as they are needed.
  package convenience init(runner: any QueryRunner) {
    let unchecked = UncheckedRunner(runner: runner)
    self.init(
      columns: unchecked.texts("SHOW COLUMNS"),
      values: { column, prefix in
        let pattern = prefix.replacing("'", with: "''")
        let name = SyntaxPrinter.name(column)
        return unchecked.texts(
          "SHOW VALUES \(name) LIKE '\(pattern)%' LIMIT \(Completer.valueCountMax)")
      })
  }

  private struct UncheckedRunner: @unchecked Sendable {
    // SAFETY (Sendable): lines are read, completed and run on the main thread only.
    let runner: any QueryRunner

    /// The first column of an answer; nothing on any failure, since completion is a courtesy.
    func texts(_ query: String) -> [String] {
      guard let table = try? runner.run(query, cancellation: CancellationToken()) else {
        return []
      }
      return (0..<table.rowCount).compactMap { index in
        guard case .text(let bytes)? = (try? table.row(index))?.first else { return nil }
        return bytes.string
      }
    }
  }

  package func complete(_ word: String, after before: String) -> Completion {
    if before.trimmed.isEmpty, word.hasPrefix(".") {
      return Completion(candidates: ReplSession.commandNames.filter { $0.hasPrefix(word) })
    }
    if before.count(where: { $0 == "'" }) % 2 == 1 {
      guard let column = quotedColumn(before) else { return Completion(candidates: []) }
      return Completion(
        candidates: values(column, word).filter { $0.hasPrefix(word) }, isOpen: true)
    }
    guard !word.isEmpty else { return Completion(candidates: columns.sorted()) }
    let folded = word.lowercased()
    let names = columns.filter { $0.hasPrefix(folded) }
    let calls = Completer.functions.filter { $0.hasPrefix(folded) }
    let isUpper = word.contains(where: \.isUppercase)
    let keywords = Keywords.all.map { isUpper ? $0 : $0.lowercased() }
      .filter { $0.lowercased().hasPrefix(folded) }
    let candidates = names.sorted() + keywords + calls.map { $0 + "(" }
    return Completion(
      candidates: candidates, isOpen: candidates.count == 1 && names.isEmpty && keywords.isEmpty)
  }

  /// The column that a quote just opened is compared with: `model = '`, `model IN ('a', '`.
  private func quotedColumn(_ before: String) -> String? {
    guard let tokens = try? Lexer.tokens(in: String(before.prefix { $0 != "'" })) else {
      return nil
    }
    for token in tokens.reversed() {
      switch token.kind {
      case .word(let word) where columns.contains(word): return word
      case .quoted(let name) where columns.contains(name): return name
      default: continue
      }
    }
    return nil
  }
}
