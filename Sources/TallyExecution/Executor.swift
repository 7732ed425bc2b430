package import TallyBase
package import TallyPlanning
package import TallyStorage

/// Runs logical plans on a snapshot of a store.
///
/// A plan is cut into stages at its breakers (aggregations, sorts). The first stage scans: workers
/// of the pool take morsels by an atomic counter, each through a chain of consumers of its own;
/// then the workers' sinks are merged, and the merged sink feeds the next stage.
package struct Executor: Sendable {
  private let pool: WorkerPool

  package init(pool: WorkerPool) { self.pool = pool }

  /// The rows of `plan`.
  ///
  /// - Throws: `invalidArgument` for values that cannot be computed, `resourceExhausted` over the
  ///   memory limit, `cancelled`, and what storage throws.
  package func execute(
    _ plan: LogicalPlan, on snapshot: StoreSnapshot, options: ExecutionOptions,
    cancellation: CancellationToken = CancellationToken(), isProfiling: Bool = false
  ) throws(TallyError) -> ResultSet {
    let start = Stopwatch.now()
    let context = QueryContext(
      snapshot: snapshot, options: options, cancellation: cancellation)
    let physical = try PhysicalPlanner(context: context).plan(plan)
    var run = QueryRun(plan: physical, context: context, pool: pool, isProfiling: isProfiling)
    var result = try run.execute()
    result.statistics.elapsedNanoseconds = Stopwatch.now() - start
    result.statistics.peakByteCount = context.budget.peakByteCount
    return result
  }
}
