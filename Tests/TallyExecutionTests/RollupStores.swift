import TallyBase
import TallyExecution
import TallyPlanning
import TallyStorage
import TallyTestSupport

/// Stores whose segments carry every rollup that they could have, however small they are.
enum RollupStores {
  static var options: Store.Options {
    var options = Store.Options()
    options.segment.rollupPercentMax = 100
    options.segment.takesEveryRollup = true
    options.isCompacting = false
    return options
  }

  static func fixture(
    rows: [[Value]], importCount: Int = 3, buffered: [[Value]] = []
  ) throws -> ExecutionFixture {
    try ExecutionFixture(
      rows: rows, importCount: importCount, buffered: buffered, options: options)
  }

  /// Answers from rows alone.
  static var fromRows: ExecutionOptions {
    var options = ExecutionOptions(threadCount: 2)
    options.disabledRules = [Optimizer.rollups, Optimizer.storedSums]
    return options
  }

  /// The ways in which rollups may answer.
  static let ways: [ExecutionOptions] = {
    var ways: [ExecutionOptions] = []
    for (threadCount, batchRowCount, disabled) in [
      (2, 2_048, [] as Set<String>), (1, 7, []), (2, 2_048, [Optimizer.storedSums]),
      (1, 2_048, [Optimizer.rollups]), (2, 2_048, ["zone_map_pruning", "predicate_pushdown"]),
      (2, 2_048, ["partitionwise_aggregation", "dictionary_predicates"]),
    ] {
      var options = ExecutionOptions(threadCount: threadCount)
      options.batchRowCount = batchRowCount
      options.disabledRules = disabled
      ways.append(options)
    }
    return ways
  }()

  /// Rows of which some columns have come late: the first days do not have them.
  static func rows(seed: UInt64, count: Int) -> [[Value]] {
    var random = RandomRows(seed: seed)
    var rows = random.rows(count)
    let late = ["feature", "cached", "cost", "ttft_ms"].compactMap {
      Schema.standard.column(named: $0)?.id
    }
    let border = RandomRows.startMicroseconds + Day.microsecondsPerDay
    for index in rows.indices {
      guard case .timestamp(let time) = rows[index][Schema.timeColumnID], time < border else {
        continue
      }
      for column in late { rows[index][column] = .null }
    }
    return rows
  }
}
