import TallyBase
import TallyFormat
import TallyTerminal

/// The queries of `tally demo`, and what to type after them.
struct DemoTour {
  var location: StoreLocation

  /// Each with what it shows.
  static let stops: [(question: String, query: String)] = [
    (
      "What is in the store?",
      "SELECT count(*) AS calls, min(time) AS first, max(time) AS last, sum(cost) AS cost "
        + "FROM usage"
    ),
    ("Who spends the most?", "sum(cost) AS cost by org top 5"),
    (
      "What does each model cost a million tokens, really?",
      "SELECT model, sum(cost) AS cost, sum(cost) * 1000000 / sum(total_tokens) AS per_million "
        + "FROM usage GROUP BY model ORDER BY cost DESC LIMIT 5"
    ),
    (
      "How fast are the models?",
      "p50(latency_ms), p95(latency_ms), p99(latency_ms) by model order by model limit 5"
    ),
    (
      "What did org-0003 do in the first week?",
      "SELECT day, count(*) AS calls, sum(cost) AS cost FROM usage WHERE org = 'org-0003' "
        + "AND time < TIMESTAMP '2026-01-08' GROUP BY day ORDER BY day"
    ),
    (
      "What fails?",
      "SELECT error_type, count(*) AS calls FROM usage WHERE success = false "
        + "GROUP BY error_type ORDER BY calls DESC"
    ),
    (
      "How many people use each feature?",
      "SELECT feature, count(DISTINCT \"user\") AS users FROM usage GROUP BY feature "
        + "ORDER BY users DESC"
    ),
    (
      "How much input comes from the cache?",
      "SELECT provider, sum(cache_read_tokens) * 100.0 / sum(input_tokens) AS cached_percent "
        + "FROM usage GROUP BY provider ORDER BY provider"
    ),
  ]

  /// Asks every question; the first error ends the tour.
  func run() throws {
    let runner = try DatabaseRunner.open(
      location.database.directory, threadCount: location.threadCount)
    let output = OutputBuffer.standardOutput()
    let formatter = OutputFormat.table.formatter(
      TableFormatter.Layout(width: Environment.width(1), isColored: Environment.isColored(1)))
    for (question, query) in DemoTour.stops {
      try output.write("-- \(question)\n\(query);\n")
      let result = try Interrupt.cancelling { token in
        try runner.run(query, cancellation: token)
      }
      try formatter.write(result, to: output)
      try output.write("\n")
      try output.flush()
    }
    let directory = location.database.directory
    writeError(
      """
      Ask your own: tally --db \(directory)
      or at once:   tally query --db \(directory) "count(*) by provider"

      """)
  }
}
