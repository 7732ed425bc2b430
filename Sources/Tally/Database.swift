internal import Synchronization
internal import SystemPackage
package import TallyBase
internal import TallyExecution
internal import TallyFile
internal import TallyPlanning
package import TallyStorage

/// A store of LLM usage events, open in this process.
///
///     let database = try Database.open("usage.tally")
///     try database.append([Event(time: .now, org: "acme", model: "gpt-5", inputTokens: 812)])
///     for row in try database.query("sum(cost), count(*) by model last 7d") {
///       print(row["model"], row["sum(cost)"])
///     }
///     try database.close()
///
/// A database may be used from any number of threads. One process at a time has a store open for
/// writing; any number may read it meanwhile (``Access/readOnly``).
public final class Database: Sendable {
  /// What the database may do with the store.
  public enum Access: Hashable, Sendable {
    case readOnly
    /// Takes the store's writer lock, creating the store if there is none.
    case readWrite
  }

  /// How a database works. The defaults suit a program that shares its machine.
  public struct Options: Sendable {
    /// What the database may do with the store.
    public var access = Access.readWrite
    /// Readers: also see events that another process has appended and not yet written as segments.
    public var includesUnflushed = false
    /// Threads that answer a query; nil: one a core.
    public var threadCount: Int?
    /// Bytes that one query may hold.
    public var queryMemoryByteCountMax = 512 << 20
    /// Whether small segments are merged on a thread of its own while the store is open for
    /// writing.
    public var isCompacting = true
    /// Bytes that are kept in memory of segments: packed pages, decoded rollups, indexes of event
    /// ids. All queries share them. Nil: a quarter of the machine's memory; 0: nothing is kept.
    public var pageCacheByteCountMax: Int?
    /// Bytes of answers kept for questions that are asked again while no row has changed; 0: none
    /// are. For programs that run for long and are asked the same by many.
    public var resultCacheByteCountMax = 0
    /// What an append waits for, unless it says otherwise.
    public var acknowledgement = Acknowledgement.durable
    /// Memory of appended events at which they are written as segments, in the background. Twice
    /// as much makes appends wait.
    public var bufferByteCountMax = 64 << 20
    /// Longest time that appended events stay in memory before they are written as segments.
    public var flushIntervalSeconds = 30
    /// Bytes of the log kept for repair once its events are in segments.
    public var retainedLogByteCountMax = 256 << 20
    /// Bytes that must be free on the disk: below that appends fail with `diskFull`, while queries
    /// and whatever deletes go on. Nil: a twentieth of the disk, at most 1 GiB.
    public var freeByteCountMin: Int?
    /// What one append may bring.
    public var limits = AppendLimits()
    /// Whether queries leave out damaged segments instead of failing. Such an answer says so; see
    /// ``QueryResult/isPartial``.
    public var allowsPartialAnswers = false
    /// Rows that operators pass on at once, for tests.
    package var batchRowCount = Vector.rowCountMax
    /// Optimizations switched off by name, for tests.
    package var disabledRules: Set<String> = []
    /// The page encoding to write wherever it can represent the data, for tests.
    package var forcedEncoding: PageEncoding?
    /// Whether segments get every rollup however small they are, for tests.
    package var takesEveryRollup = false

    /// The defaults.
    public init() {}
  }

  package let store: Store
  let pool: WorkerPool
  let options: Options
  let settings: Mutex<Settings>
  let results: ResultCache
  let plans = PlanCache()
  let scopeNames = ScopeNames()
  /// Appending threads encode a few at a time, so that queries find a core when many append.
  private let encoding = Slots(count: Machine.coreCount / 2)

  private init(store: Store, options: Options) {
    self.store = store
    self.options = options
    let threadCount = max(1, options.threadCount ?? Machine.coreCount)
    pool = WorkerPool(threadCount: threadCount)
    results = ResultCache(byteCountMax: options.resultCacheByteCountMax)
    settings = Mutex(
      Settings(
        threadCount: threadCount, memoryByteCountMax: options.queryMemoryByteCountMax,
        allowsPartialAnswers: options.allowsPartialAnswers))
  }

  /// Opens the store in directory `path`.
  ///
  /// - Throws: ``DatabaseError`` with code `locked` if another process writes to it (the message
  ///   names it), `version` if a newer build wrote it, `io`, `corruption`, or `invalidArgument` if
  ///   `path` is something else than a store.
  public static func open(
    _ path: String, options: Options = Options()
  ) throws(DatabaseError) -> Database {
    try publicly { () throws(TallyError) in try openStore(path, options: options) }
  }

  package static func openStore(
    _ path: String, options: Options = Options()
  ) throws(TallyError) -> Database {
    var storeOptions = Store.Options()
    storeOptions.pageCacheByteCountMax = options.pageCacheByteCountMax
    storeOptions.segment.forcedEncoding = options.forcedEncoding
    if options.takesEveryRollup {
      storeOptions.segment.takesEveryRollup = true
      storeOptions.segment.rollupPercentMax = 100
    }
    storeOptions.includesLog = options.includesUnflushed
    storeOptions.bufferByteCountMax = max(1, options.bufferByteCountMax)
    storeOptions.freeByteCountMin = options.freeByteCountMin.map { Int64(max(0, $0)) }
    storeOptions.batchRowCountMax = options.limits.eventCountMax
    storeOptions.batchByteCountMax = options.limits.byteCountMax
    storeOptions.valueByteCountMax = options.limits.valueByteCountMax
    storeOptions.columnCountMax = options.limits.columnCountMax
    storeOptions.dictionaryEntryCountMax = options.limits.distinctValueCountMax
    storeOptions.flushIntervalSeconds = max(1, options.flushIntervalSeconds)
    storeOptions.log.retainedByteCountMax = Int64(max(0, options.retainedLogByteCountMax))
    storeOptions.isCompacting = options.isCompacting && options.access == .readWrite
    let store = try Store.open(
      FilePath(path), mode: options.access == .readOnly ? .readOnly : .readWrite(creating: true),
      fileSystem: PosixFileSystem(), options: storeOptions)
    return Database(store: store, options: options)
  }

  // MARK: Queries

  /// Answers one statement of the query language.
  ///
  /// Events appended before the call take part in the answer.
  ///
  /// - Throws: ``DatabaseError``; for errors in the text, `range` says where.
  public func query(_ text: String) throws(DatabaseError) -> QueryResult {
    try publicly { () throws(TallyError) in
      let answer = try run(text)
      return QueryResult(
        answer.result,
        warnings: answer.warnings.map { $0.message + ($0.hint.map { " (\($0))" } ?? "") })
    }
  }

  /// The same with cancellation, typed results and notes, for the command line.
  ///
  /// - Parameter usesResultCache: off: the answer is computed, whatever is kept, and not kept.
  package func run(
    _ text: String, cancellation: CancellationToken = CancellationToken(),
    usesResultCache: Bool = true
  ) throws(TallyError) -> Session.Answer {
    let session = try makeSession(settings.withLock { $0 }, usesResultCache: usesResultCache)
    let answer = try session.run(text, cancellation: cancellation)
    if let setting = answer.setting { try apply(setting) }
    return answer
  }

  /// What answers one statement, on the rows that there are now.
  func makeSession(
    _ current: Settings, usesResultCache: Bool, nowMicroseconds: Int64? = nil
  ) throws(TallyError) -> Session {
    let snapshot = try options.access == .readOnly ? store.refresh() : store.snapshot()
    var execution = ExecutionOptions(threadCount: current.threadCount)
    execution.memoryByteCountMax = current.memoryByteCountMax
    execution.allowsPartialAnswers = current.allowsPartialAnswers
    execution.batchRowCount = min(max(options.batchRowCount, 1), Vector.rowCountMax)
    execution.disabledRules = options.disabledRules
    if !current.usesRollups {
      execution.disabledRules.formUnion([Optimizer.rollups, Optimizer.storedSums])
    }
    var session = Session(
      snapshot: snapshot, pool: pool, options: execution,
      nowMicroseconds: nowMicroseconds ?? Timestamp.now.microsecondsSinceEpoch,
      rejectLog: store.rejectLog, plans: plans)
    session.pageCache = store.pageCache
    session.scopeNames = scopeNames
    if usesResultCache, results.isOn { session.results = results }
    return session
  }

  /// Forgets answers that rows had a part in which have been taken away since.
  func forgetOlderResults() {
    guard let snapshot = try? store.snapshot() else { return }
    scopeNames.forget(before: snapshot.number)
    if results.isOn { results.advance(to: snapshot.number) }
  }

  // MARK: Events

  /// Takes events, which queries of this database see when this returns.
  ///
  /// With the default acknowledgement they are on disk then and survive a power cut; other
  /// processes see them after a flush, which happens in the background. Threads that append at the
  /// same time share one sync of the disk: many callers, or many events a call, are fast.
  ///
  /// - Parameters:
  ///   - acknowledgement: what to wait for; nil: as ``Options/acknowledgement`` says.
  ///   - batch: who sends and the number of the batch, so that one sent again is stored once.
  /// - Returns: how many events were stored and how many were duplicates by `eventID`.
  /// - Throws: ``DatabaseError`` with code `invalidInput` naming the event and field that cannot be
  ///   taken (then none of the call's events is); `diskFull` or `io` if writing failed (then none
  ///   is acknowledged, and the call may be made again).
  @discardableResult
  public func append(
    _ events: [Event], acknowledgement: Acknowledgement? = nil, batch: BatchNumber? = nil
  ) throws(DatabaseError) -> AppendResult {
    try publicly { () throws(TallyError) in
      let encoded = try encode(events)
      return AppendResult(
        try store.append(encoded, options: appendOptions(acknowledgement, batch)))
    }
  }

  /// The columnar form of events.
  ///
  /// - Throws: `invalidInput`; `invalidArgument` if the database is open for reading only.
  func encode(_ events: [Event]) throws(TallyError) -> EventBatch {
    guard options.access == .readWrite else {
      throw TallyError(.invalidArgument, "the database was opened for reading only")
    }
    let schema = try store.schema
    return try encoding.occupy { () throws(TallyError) in
      try EventEncoder(schema: schema).encode(events)
    }
  }

  func appendOptions(
    _ acknowledgement: Acknowledgement?, _ batch: BatchNumber?
  ) -> AppendOptions {
    var appendOptions = AppendOptions()
    appendOptions.acknowledgement = (acknowledgement ?? options.acknowledgement).stored
    appendOptions.producer = batch?.producer
    appendOptions.sequence = batch?.sequence
    return appendOptions
  }

  /// Takes one event; see ``append(_:acknowledgement:batch:)``.
  @discardableResult
  public func append(
    _ event: Event, acknowledgement: Acknowledgement? = nil
  ) throws(DatabaseError) -> AppendResult {
    try append([event], acknowledgement: acknowledgement)
  }

  /// Begins a load of many events, which become visible together; one at a time.
  ///
  /// - Throws: ``DatabaseError`` with code `invalidArgument` if the database is open for reading
  ///   only or another load is under way; what ``flush()`` throws.
  public func beginBulkLoad() throws(DatabaseError) -> BulkLoad {
    try publicly { () throws(TallyError) in try BulkLoad(store: store) }
  }

  /// Writes appended events as segments, where other processes see them.
  ///
  /// - Throws: ``DatabaseError`` with code `io` or `diskFull`; the events stay where they are.
  public func flush() throws(DatabaseError) {
    try publicly { () throws(TallyError) in try store.flush() }
  }

  /// Writes appended events as segments and gives up the store. The database cannot be used
  /// afterwards.
  public func close() throws(DatabaseError) {
    plans.removeAll()
    try publicly { () throws(TallyError) in try store.close() }
  }
}
