internal import TallyBase
internal import TallyExecution
internal import TallyLanguage
internal import TallyPlanning
internal import TallyStorage

/// What a session of one org is not told: whatever depends on what others have, in answers,
/// statistics, notes and errors alike.
extension Session {
  /// Runs plans of this session's scope, and no others.
  var executor: Executor { Executor(pool: pool, scope: scope) }

  func bind(
    _ statement: Statement, _ cancellation: CancellationToken
  ) throws(TallyError) -> BoundStatement {
    let options = BinderOptions(nowMicroseconds: nowMicroseconds, parameters: parameters)
    guard let scope else {
      let catalog = SnapshotCatalog(snapshot: snapshot, rejectLog: rejectLog)
      return try Binder(catalog: catalog, options: options).bind(statement)
    }
    let catalog = ScopedCatalog(self, scope, cancellation)
    let bound: BoundStatement
    do throws(TallyError) {
      bound = try Binder(catalog: catalog, options: options).bind(statement)
    } catch {
      // What could not be looked up may be why a name is not known.
      throw catalog.failure ?? error
    }
    if let failure = catalog.failure { throw failure }
    return bound
  }

  /// The rows of a plan that is not the statement's.
  func rows(
    _ plan: LogicalPlan, _ cancellation: CancellationToken
  ) throws(TallyError) -> ResultSet {
    try executor.execute(
      PreparedPlan(plan), on: snapshot, options: options, cancellation: cancellation)
  }

  /// Runs `body` and leaves out what is not the asker's to know.
  func withinScope(
    _ body: () throws(TallyError) -> Answer
  ) throws(TallyError) -> Answer {
    do throws(TallyError) {
      var answer = try body()
      answer.result.statistics = answer.result.statistics.inScope
      return answer
    } catch {
      let shown = error.inScope
      if shown != error { onHiddenError?(error) }
      throw shown
    }
  }

  /// What must be said of an answer from which rows may be missing: whose, damage does not tell.
  static var scopedWarning: QueryWarning {
    QueryWarning("rows may be missing from the answer, the store is damaged: partial=true")
  }
}

extension ExecutionStatistics {
  /// How long it took. Rows and bytes that were read lie among those of others, and where an answer
  /// comes from depends on what others have sent.
  fileprivate var inScope: ExecutionStatistics {
    var shown = ExecutionStatistics()
    shown.elapsedNanoseconds = elapsedNanoseconds
    shown.stages = stages
    shown.missingRowCount = min(missingRowCount, 1)
    return shown
  }
}

extension TallyError {
  /// The same error without files, and without what is wrong with them.
  var inScope: TallyError {
    let message: String
    switch code {
    case .io: message = "a file of the store failed"
    case .diskFull: message = "the disk of the store is full"
    case .corruption: message = "a part of the store is damaged"
    case .locked, .version: message = "the store cannot be opened"
    case .internal: message = "the statement failed within the engine"
    case .syntax, .binding, .unsupported, .invalidArgument, .resourceExhausted, .cancelled,
      .timeout, .invalidInput, .forbidden:
      var shown = self
      shown.path = nil
      return shown
    }
    return TallyError(code, message, span: span, hint: "whoever runs the store is told the cause")
  }
}
