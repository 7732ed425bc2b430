import Tally
import TallyBase
import TallyExecution
import TallyFormat
import TallyPlanning
import TallyTerminal

/// Runs statements on a store, opened for reading so that a writer may be at work meanwhile.
final class DatabaseRunner: QueryRunner {
  /// Rules by which aggregates are answered from what was summed up when rows were written.
  private static let derivedAnswerRules: Set<String> = [
    Optimizer.rollups, Optimizer.storedSums,
  ]

  private let database: Database
  /// Off: statements are computed whatever the result cache keeps, as measurements are.
  var usesResultCache = true

  private init(_ database: Database) { self.database = database }

  /// - Throws: `io`, `corruption`, `version`; `invalidArgument` if `path` is not a store.
  static func open(
    _ path: String, threadCount: Int? = nil, usesRollups: Bool = true,
    includesUnflushed: Bool = false, allowsPartialAnswers: Bool = false
  ) throws(TallyError) -> DatabaseRunner {
    var options = Database.Options()
    options.access = .readOnly
    options.threadCount = threadCount
    options.includesUnflushed = includesUnflushed
    options.allowsPartialAnswers = allowsPartialAnswers
    if !usesRollups { options.disabledRules = derivedAnswerRules }
    return DatabaseRunner(try Database.openStore(path, options: options))
  }

  func run(_ text: String, cancellation: CancellationToken) throws(TallyError) -> ResultTable {
    let start = ContinuousClock.now
    let answer = try database.run(
      text, cancellation: cancellation, usesResultCache: usesResultCache)
    let elapsed = start.duration(to: .now).components
    let result = answer.result
    var table = ResultTable(
      columns: result.columns.map { ResultTable.Column(name: $0.name, type: $0.type) },
      rowCount: result.rowCount
    ) { row in
      result.columns.map { $0.value(row) }
    }
    table.warnings = answer.warnings.map { warning in
      ResultTable.Warning(message: warning.message, span: warning.span, hint: warning.hint)
    }
    table.statistics.missingRowCount = result.statistics.missingRowCount
    table.statistics.source = result.statistics.source.rawValue
    table.statistics.scannedRowCount = result.statistics.scannedRowCount
    table.statistics.elapsedMilliseconds =
      Double(elapsed.seconds) * 1e3 + Double(elapsed.attoseconds) / 1e15
    return table
  }

  func cacheTable() -> ResultTable {
    let caches = [
      ("page_cache", database.pageCacheStatistics),
      ("result_cache", database.resultCacheStatistics),
    ]
    return ResultTable(
      [
        ("cache", .text), ("hits", .int64), ("misses", .int64), ("evictions", .int64),
        ("entries", .int64), ("bytes", .int64), ("bytes_max", .int64),
      ],
      caches.map { name, statistics in
        [
          .name(name), .count(statistics.hitCount), .count(statistics.missCount),
          .count(statistics.evictionCount), .count(statistics.entryCount),
          .count(statistics.byteCount), .count(statistics.byteCountMax),
        ]
      })
  }
}
