internal import TallyBase
internal import TallyExecution
internal import TallyStorage

/// Adds what each operator did to the lines of a plan.
enum ProfilePrinter {
  /// `lines` print the plan from the top down, one operator a line; the statistics run from the
  /// scan up.
  ///
  /// - Parameter stages: those before execution.
  static func annotate(
    _ lines: [String], with statistics: ExecutionStatistics, resultRowCount: Int,
    before stages: [StageTime]
  ) -> [String] {
    var annotated = lines
    let operators = Array(statistics.operators.reversed())
    let width = lines.map(\.count).max() ?? 0
    for (index, measured) in operators.enumerated() where index < annotated.count {
      let padding = String(repeating: " ", count: max(0, width - annotated[index].count))
      annotated[index] +=
        "\(padding)  rows=\(measured.rowCount) time=\(milliseconds(measured.nanoseconds)) ms"
    }
    annotated += statistics.sources
    annotated.append(
      "scanned \(statistics.scannedRowCount) rows, \(statistics.scannedByteCount) bytes of pages;"
        + " pruned \(statistics.prunedRowCount) rows,"
        + " \(statistics.prunedSegmentCount) of \(statistics.segmentCount) segments")
    return annotated + summary(statistics, resultRowCount: resultRowCount, before: stages)
  }

  /// The same of a statement of one org: nothing that depends on what others have. Operators below
  /// the first that gathers see rows, rollups or batches as they lie, among those of others.
  static func annotateInScope(
    _ lines: [String], with statistics: ExecutionStatistics, resultRowCount: Int,
    before stages: [StageTime]
  ) -> [String] {
    var annotated = lines
    let operators = Array(statistics.operators.reversed())
    let width = lines.map(\.count).max() ?? 0
    // A limit stops what is below it early, after more rows or fewer.
    let showsRows = !operators.contains { $0.name == "Limit" }
    for (index, measured) in operators.enumerated() where index < annotated.count {
      let padding = String(repeating: " ", count: max(0, width - annotated[index].count))
      let gathers = ["Aggregate", "Sort", "TopN"].contains(measured.name)
      let rows = showsRows && gathers ? " rows=\(measured.rowCount)" : ""
      annotated[index] += "\(padding) \(rows) time=\(milliseconds(measured.nanoseconds)) ms"
    }
    return annotated + [
      "answered \(resultRowCount) rows in \(milliseconds(statistics.elapsedNanoseconds)) ms",
      time(stages + statistics.stages),
    ]
  }

  private static func time(_ stages: [StageTime]) -> String {
    "time: "
      + stages.map { "\($0.name) \(milliseconds($0.nanoseconds))" }.joined(separator: ", ") + " ms"
  }

  /// Where the answer came from, and what it took.
  static func summary(
    _ statistics: ExecutionStatistics, resultRowCount: Int, before stages: [StageTime]
  ) -> [String] {
    [
      "answered \(resultRowCount) rows from \(statistics.source) in"
        + " \(milliseconds(statistics.elapsedNanoseconds)) ms,"
        + " \(statistics.peakByteCount) bytes held at most",
      time(stages + statistics.stages),
    ]
  }

  /// What the page cache did meanwhile, for all queries that ran, and what it holds.
  static func line(_ cache: PageCache, since before: PageCache.Statistics) -> String {
    let now = cache.statistics
    return "page cache: \(now.hitCount - before.hitCount) hits,"
      + " \(now.missCount - before.missCount) misses;"
      + " holds \(cache.byteCount) of \(cache.byteCountMax) bytes"
  }

  /// What the result cache did since the database was opened, and what it holds.
  static func line(_ results: CacheStatistics) -> String {
    "result cache: \(results.hitCount) hits, \(results.missCount) misses;"
      + " holds \(results.byteCount) of \(results.byteCountMax) bytes"
  }

  /// Three decimals without Foundation.
  private static func milliseconds(_ nanoseconds: UInt64) -> String {
    let microseconds = nanoseconds / 1_000
    let fraction = String(microseconds % 1_000)
    return "\(microseconds / 1_000)." + String(repeating: "0", count: 3 - fraction.count)
      + fraction
  }
}
