internal import Synchronization
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
  private let scope: OrgScope?

  /// - Parameter scope: whose rows plans may read; nil: everybody's.
  package init(pool: WorkerPool, scope: OrgScope? = nil) {
    self.pool = pool
    self.scope = scope
  }

  /// - Throws: `internal` if a plan reads rows of others than the executor's scope allows.
  private func checkScope(_ plan: LogicalPlan) throws(TallyError) {
    guard case .scan(let scan) = plan.source, scan.scope != scope else { return }
    throw TallyError(.internal, "a plan of another scope than its session's")
  }

  /// The rows of `plan`, which is prepared for `snapshot` and `options`.
  ///
  /// With `allowsPartialAnswers`, row groups that cannot be read are left out, as if they did not
  /// exist; `missingRowCount` says how many rows that concerns.
  ///
  /// Rows of others than `scope` names have no part in it.
  ///
  /// - Throws: `invalidArgument` for values that cannot be computed, `resourceExhausted` over the
  ///   memory limit, `cancelled`, and what storage throws.
  package func execute(
    _ plan: PreparedPlan, on snapshot: StoreSnapshot, options: ExecutionOptions,
    cancellation: CancellationToken = CancellationToken(), isProfiling: Bool = false
  ) throws(TallyError) -> ResultSet {
    let start = Stopwatch.now()
    try checkScope(plan.logical)
    var leftOut = LeftOut()
    while true {
      let context = QueryContext(
        snapshot: snapshot, options: options, cancellation: cancellation, leftOut: leftOut)
      let outcome: Result<ResultSet, TallyError>
      do throws(TallyError) {
        outcome = .success(try run(plan, context, isProfiling: isProfiling))
      } catch {
        outcome = .failure(error)
      }
      let damage = context.damage.withLock { $0 }
      try cancellation.check()
      // A run that met damage has seen parts of what it must leave out: start again without.
      guard damage.isEmpty else {
        leftOut.formUnion(damage)
        continue
      }
      var result = try outcome.get()
      result.statistics.elapsedNanoseconds = Stopwatch.now() - start
      result.statistics.peakByteCount = context.budget.peakByteCount
      return result
    }
  }

  private func run(
    _ plan: PreparedPlan, _ context: QueryContext, isProfiling: Bool
  ) throws(TallyError) -> ResultSet {
    let start = Stopwatch.now()
    // What can be left out is not known to a plan that an earlier run made.
    let known = context.leftOut.isEmpty ? plan.known() : nil
    let physical: PhysicalPlan
    if let known {
      physical = known
    } else {
      physical = try PhysicalPlanner(context: context).plan(plan.logical)
    }
    let planning = StageTime(name: "plan", nanoseconds: Stopwatch.now() - start)
    var run = QueryRun(plan: physical, context: context, pool: pool, isProfiling: isProfiling)
    var result = try run.execute()
    if known == nil, context.damage.withLock({ $0.isEmpty }) { plan.keep(physical) }
    guard isProfiling else { return result }
    result.statistics.stages.insert(planning, at: 0)
    result.statistics.sources = physical.sources(context.snapshot.schema)
    return result
  }

  /// Where the answer of `plan` would come from: rollups, stored sums or rows, a line each.
  ///
  /// - Throws: what storage throws.
  package func sources(
    of plan: LogicalPlan, on snapshot: StoreSnapshot, options: ExecutionOptions
  ) throws(TallyError) -> [String] {
    try checkScope(plan)
    let context = QueryContext(
      snapshot: snapshot, options: options, cancellation: CancellationToken())
    return try PhysicalPlanner(context: context).plan(plan).sources(snapshot.schema)
  }
}
