import TallyBase

/// How a query is run; none of it changes an answer.
package struct ExecutionOptions: Hashable, Sendable {
  /// Threads that scan; at most the pool's.
  package var threadCount: Int
  /// Rows handed to operators at once, `1...Vector.rowCountMax`. Tests use small ones.
  package var batchRowCount = Vector.rowCountMax
  /// Bytes of groups, strings, sort rows and results that the query may hold.
  package var memoryByteCountMax = 512 << 20
  /// Optimizations that are switched off by name: `partition_pruning`, `zone_map_pruning`,
  /// `partitionwise_aggregation`, `rollups`, `stored_sums`, `encoded_predicates` (tests look at
  /// runs and exceptions of encoded pages), and `page_sums` (pages are summed as they are).
  package var disabledRules: Set<String> = []

  /// Whether damaged row groups may be left out of the answer, which says so then.
  package var allowsPartialAnswers = false

  package init(threadCount: Int) { self.threadCount = threadCount }
}
