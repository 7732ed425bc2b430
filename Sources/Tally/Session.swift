package import TallyBase
package import TallyExecution
internal import TallyLanguage
package import TallyPlanning
package import TallyStorage

/// Takes a statement from text to rows: parse, bind, optimize, execute.
package struct Session: Sendable {
  let snapshot: StoreSnapshot
  let pool: WorkerPool
  var options: ExecutionOptions
  let nowMicroseconds: Int64
  let rejectLog: RejectLog?
  /// Plans of statements that were run before; nil: every one is planned anew.
  let plans: PlanCache?
  /// What EXPLAIN ANALYZE tells about.
  var pageCache: PageCache?
  /// Where answers are looked for and kept; nil: nowhere.
  var results: ResultCache?
  /// Whose rows there are; nil: everybody's.
  var scope: OrgScope?
  /// What is known of the scope's names; nil: nothing is kept.
  var scopeNames: ScopeNames?
  /// Told of errors of which a scope's asker is told less, for an operator's log.
  var onHiddenError: (@Sendable (TallyError) -> Void)?
  /// The values of `$1`, `$2`, ...
  var parameters: [Value] = []

  /// What a statement answered.
  package struct Answer: Sendable {
    package var result: ResultSet
    package var warnings: [QueryWarning]
    /// When the same statement has the same answer in the same state of the store; nil: who knows.
    package var repeatableTimes: ClosedRange<Int64>?
    /// Set: the statement was `SET name = value`, for the caller to apply.
    var setting: Setting?
    /// How long the stages before execution took; none where a plan was kept.
    package var stages: [StageTime] = []
  }

  /// - Parameter nowMicroseconds: what `now()` is for the whole statement.
  package init(
    snapshot: StoreSnapshot, pool: WorkerPool, options: ExecutionOptions, nowMicroseconds: Int64,
    rejectLog: RejectLog? = nil, plans: PlanCache? = nil
  ) {
    // The rows of a state that is in memory would stay there for as long as the plan.
    self.plans = snapshot.segments.isCommitted ? plans : nil
    self.rejectLog = rejectLog
    self.snapshot = snapshot
    self.pool = pool
    self.options = options
    self.nowMicroseconds = nowMicroseconds
  }

  /// - Throws: every code of `TallyError`; spans are in `text`.
  package func run(
    _ text: String, cancellation: CancellationToken = CancellationToken()
  ) throws(TallyError) -> Answer {
    guard scope != nil else { return try perform(text, cancellation) }
    return try withinScope { () throws(TallyError) in try perform(text, cancellation) }
  }

  private func perform(
    _ text: String, _ cancellation: CancellationToken
  ) throws(TallyError) -> Answer {
    let asked = PlanCache.Statement(text: text, parameters: parameters)
    if let known = plans?.find(asked, options, scope, snapshot.number, now: nowMicroseconds) {
      return try answer(known.query, known.plan, cancellation)
    }
    var clock = StageClock()
    let statement = try Parser.parse(text)
    clock.end("parse")
    let bound = try bind(statement, cancellation)
    clock.end("bind")
    switch bound {
    case .query(let query):
      let plan = PreparedPlan(try optimized(query))
      var result = try answer(query, plan, cancellation)
      result.stages = clock.stages
      plans?.insert(asked, options, scope, snapshot.number, query, plan)
      return result
    case .explain(let query, let analyze):
      let rows = try explain(query, analyze: analyze, clock, cancellation)
      return Answer(result: rows, warnings: query.warnings)
    case .set(let name, let value, let span):
      return Answer(
        result: ResultSet(columns: [], rowCount: 0), warnings: [],
        setting: Setting(name: name, value: value, span: span))
    }
  }

  /// What must be said of an answer from which rows are missing.
  private func warnings(about result: ResultSet) -> [QueryWarning] {
    let count = result.statistics.missingRowCount
    guard count > 0 else { return [] }
    guard scope == nil else { return [Session.scopedWarning] }
    return [
      QueryWarning(
        "rows in damaged segments are missing from the answer: partial=true missing_rows=\(count)",
        hint: "'tally verify --deep' lists the damage, 'tally repair' says what can be done")
    ]
  }

  private func optimized(_ query: BoundQuery) throws(TallyError) -> LogicalPlan {
    try Optimizer(disabledRules: options.disabledRules).optimize(query.plan)
  }

  /// The answer as it is kept, else computed.
  private func answer(
    _ query: BoundQuery, _ plan: PreparedPlan, _ cancellation: CancellationToken
  ) throws(TallyError) -> Answer {
    let result = try rows(query, plan, cancellation)
    var answer = Answer(result: result, warnings: query.warnings + warnings(about: result))
    if query.plan.scannedColumns != nil, result.statistics.missingRowCount == 0 {
      answer.repeatableTimes = query.validTimes
    }
    return answer
  }

  private func rows(
    _ query: BoundQuery, _ plan: PreparedPlan, _ cancellation: CancellationToken
  ) throws(TallyError) -> ResultSet {
    guard let results, let key = key(of: query) else {
      return try execute(query, plan, cancellation, isProfiling: false)
    }
    try cancellation.check()
    if let kept = kept(query, key) { return kept }
    let result = try execute(query, plan, cancellation, isProfiling: false)
    if let answer = CachedAnswer(result, byteCountMax: results.answerByteCountMax) {
      results.insert(answer, for: key, snapshot: snapshot.number)
    }
    return result
  }

  private func key(of query: BoundQuery) -> ResultCacheKey? {
    results == nil ? nil : ResultCacheKey(query, scope: scope?.org.string, options: options)
  }

  /// The answer as it is kept.
  private func kept(_ query: BoundQuery, _ key: ResultCacheKey) -> ResultSet? {
    let start = ContinuousClock.now
    guard let answer = results?.find(key, snapshot: snapshot.number) else { return nil }
    return answer.result(
      columnNames: query.columnNames, elapsedNanoseconds: start.elapsedNanoseconds)
  }

  private func execute(
    _ query: BoundQuery, _ plan: PreparedPlan, _ cancellation: CancellationToken,
    isProfiling: Bool
  ) throws(TallyError) -> ResultSet {
    var result = try executor.execute(
      plan, on: snapshot, options: options, cancellation: cancellation, isProfiling: isProfiling)
    for (index, name) in query.columnNames.enumerated() where index < result.columns.count {
      result.columns[index].name = name
    }
    return result
  }

  private func explain(
    _ query: BoundQuery, analyze: Bool, _ clock: StageClock, _ cancellation: CancellationToken
  ) throws(TallyError) -> ResultSet {
    var clock = clock
    clock.start()
    let plan = try optimized(query)
    clock.end("optimize")
    var lines = PlanPrinter.lines(plan).map { line in
      String(repeating: "  ", count: line.depth) + line.text
    }
    if scope != nil {
      if analyze {
        let result = try execute(query, PreparedPlan(plan), cancellation, isProfiling: true)
        lines = ProfilePrinter.annotateInScope(
          lines, with: result.statistics, resultRowCount: result.rowCount, before: clock.stages)
        lines += warnings(about: result).map { "warning: " + $0.message }
      }
    } else if let key = key(of: query), let kept = kept(query, key) {
      lines += ["from the result cache"]
      if analyze {
        lines += ProfilePrinter.summary(
          kept.statistics, resultRowCount: kept.rowCount, before: clock.stages)
      }
    } else if analyze {
      let before = pageCache?.statistics
      let result = try execute(query, PreparedPlan(plan), cancellation, isProfiling: true)
      lines = ProfilePrinter.annotate(
        lines, with: result.statistics, resultRowCount: result.rowCount, before: clock.stages)
      if let pageCache, let before { lines.append(ProfilePrinter.line(pageCache, since: before)) }
      if let results { lines.append(ProfilePrinter.line(results.statistics)) }
      lines += warnings(about: result).map { "warning: " + $0.message }
    } else {
      lines += try executor.sources(of: plan, on: snapshot, options: options)
    }
    var table = StringTable()
    let codes = lines.map { table.intern(ByteString($0)) }
    let column = ResultColumn(
      name: "plan", type: .text, values: .text(codes: codes, pool: TextPool(frozen: table)))
    return ResultSet(columns: [column], rowCount: lines.count)
  }
}

/// Measures the stages of a statement one after the other.
struct StageClock {
  private(set) var stages: [StageTime] = []
  private var latest = ContinuousClock.now

  /// The next stage begins now, not at the end of the one before.
  mutating func start() { latest = ContinuousClock.now }

  mutating func end(_ name: String) {
    stages.append(StageTime(name: name, nanoseconds: latest.elapsedNanoseconds))
    latest = ContinuousClock.now
  }
}

extension ContinuousClock.Instant {
  /// Nanoseconds that have passed since.
  fileprivate var elapsedNanoseconds: UInt64 {
    let elapsed = duration(to: .now).components
    return UInt64(clamping: elapsed.seconds) &* 1_000_000_000
      &+ UInt64(clamping: elapsed.attoseconds / 1_000_000_000)
  }
}
