internal import Synchronization
package import TallyBase
internal import TallyExecution
internal import TallyPlanning
package import TallyStorage

/// A database as one org sees it: its own events, and nothing of others.
///
///     let acme = try database.session(org: "acme")
///     try acme.append(Event(time: .now, model: "gpt-5", inputTokens: 812))
///     for row in try acme.query("sum(cost) by model") { print(row["model"]) }
///
/// The org is enforced where events are read, whatever a query says. Names that only others have
/// are unknown: no hint, note, error, plan, column or statistic tells of them. Statistics of
/// answers have times only, since rows are read among those of others.
///
/// `SET` changes this session alone. A session may be used from any number of threads, for as long
/// as its database is open.
public final class DatabaseSession: Sendable {
  /// Whose events there are; nil: everybody's.
  public let org: String?
  private let database: Database
  private let settings: Mutex<Settings>
  /// More memory than this a query of the session does not get.
  private let memoryByteCountMax: Int

  fileprivate init(_ database: Database, org: String?) {
    self.database = database
    self.org = org
    memoryByteCountMax = database.options.queryMemoryByteCountMax
    settings = Mutex(database.settings.withLock { $0 })
  }

  private var stamp: OrgStamp? { org.map { OrgStamp(org: ByteString($0)) } }

  // MARK: Queries

  /// Answers one statement of the query language; see ``Database/query(_:)``.
  ///
  /// - Throws: ``DatabaseError``; code `forbidden` for statements about the whole store. Failures
  ///   of files are told without saying of which.
  public func query(_ text: String) throws(DatabaseError) -> QueryResult {
    try publicly { () throws(TallyError) in
      let answer = try run(text)
      return QueryResult(
        answer.result,
        warnings: answer.warnings.map { $0.message + ($0.hint.map { " (\($0))" } ?? "") })
    }
  }

  /// The same with cancellation and typed results, for a server. A column of texts comes with a
  /// pool that may hold names of others: send its values, never the pool.
  ///
  /// - Parameters:
  ///   - usesResultCache: off: the answer is computed, whatever is kept, and not kept.
  ///   - nowMicroseconds: what `now()` is; nil: the time of the call.
  ///   - onHiddenError: told the whole of an error of which the caller is told less.
  package func run(
    _ text: String, cancellation: CancellationToken = CancellationToken(),
    usesResultCache: Bool = true, nowMicroseconds: Int64? = nil,
    onHiddenError: (@Sendable (TallyError) -> Void)? = nil
  ) throws(TallyError) -> Session.Answer {
    var session = try database.makeSession(
      settings.withLock { $0 }, usesResultCache: usesResultCache,
      nowMicroseconds: nowMicroseconds)
    if let org { session.enter(org: org) }
    session.onHiddenError = onHiddenError
    let answer = try session.run(text, cancellation: cancellation)
    if let setting = answer.setting { try apply(setting) }
    return answer
  }

  /// Changes this session; caches belong to all.
  private func apply(_ setting: Setting) throws(TallyError) {
    let isKnown = try settings.withLock { (settings) throws(TallyError) in
      try settings.apply(
        setting, threadCountMax: database.pool.threadCount,
        memoryByteCountMax: memoryByteCountMax)
    }
    guard !isKnown else { return }
    guard !Database.cacheSettingNames.contains(setting.name) else {
      throw TallyError(
        .forbidden, "'\(setting.name)' is a setting of the whole database, not of a session",
        span: setting.span)
    }
    throw setting.unknown(among: Settings.names)
  }

  // MARK: Events

  /// Takes events of the org, all or none; see ``Database/append(_:acknowledgement:batch:)``. Those
  /// without an org get this one. Producers' names are the org's own.
  ///
  /// - Throws: ``DatabaseError``; code `forbidden` naming the first event of another org.
  @discardableResult
  public func append(
    _ events: [Event], acknowledgement: Acknowledgement? = nil, batch: BatchNumber? = nil
  ) throws(DatabaseError) -> AppendResult {
    try publicly { () throws(TallyError) in
      AppendResult(
        try append(
          database.encode(events), options: database.appendOptions(acknowledgement, batch)))
    }
  }

  /// Takes one event; see ``append(_:acknowledgement:batch:)``.
  @discardableResult
  public func append(
    _ event: Event, acknowledgement: Acknowledgement? = nil
  ) throws(DatabaseError) -> AppendResult {
    try append([event], acknowledgement: acknowledgement)
  }

  /// The same of rows as a decoder made them, for a server. The receipt of an org's session has no
  /// number of a log record: it counts the batches of all.
  ///
  /// - Parameter onHiddenError: told the whole of an error of which the caller is told less.
  package func append(
    _ batch: EventBatch, options: AppendOptions,
    onHiddenError: (@Sendable (TallyError) -> Void)? = nil
  ) throws(TallyError) -> AppendReceipt {
    guard let stamp else { return try database.store.append(batch, options: options) }
    var (batch, options) = (batch, options)
    try stamp.stamp(&batch)
    if let producer = options.producer { options.producer = try stamp.producer(producer) }
    do throws(TallyError) {
      var receipt = try database.store.append(batch, options: options)
      receipt.lsn = nil
      return receipt
    } catch {
      let shown = error.inScope
      if shown != error { onHiddenError?(error) }
      throw shown
    }
  }
}

extension Session {
  /// Narrows the session to the rows of one org.
  mutating func enter(org: String) {
    let column = snapshot.schema.columns[Schema.orgColumnID]
    scope = OrgScope(column: column, org: ByteString(org))
    // A plan that reads columns it does not need would name them.
    options.disabledRules.remove("projection_pruning")
  }
}

extension Database {
  /// The database as one org sees it. An org without events sees an empty table.
  ///
  /// - Throws: ``DatabaseError`` with code `invalidArgument` if the name is empty.
  public func session(org: String) throws(DatabaseError) -> DatabaseSession {
    try publicly { () throws(TallyError) in try openSession(org: org) }
  }

  /// The same, with the error as it is.
  package func openSession(org: String) throws(TallyError) -> DatabaseSession {
    guard !org.isEmpty else {
      throw TallyError(.invalidArgument, "a session is of an org, found an empty name")
    }
    return DatabaseSession(self, org: org)
  }

  /// A session that sees everything, with settings of its own.
  package func session() -> DatabaseSession { DatabaseSession(self, org: nil) }
}
