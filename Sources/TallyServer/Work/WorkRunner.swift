internal import Logging
package import Tally
internal import TallyBase
internal import TallyStorage
internal import TallyWire

/// Runs what connections want on threads of its own, a bounded number at a time.
package final class WorkRunner: Sendable {
  package let database: Database
  package let configuration: ServerConfiguration
  package let audit: RequestAudit
  package let active = ActiveRequests()
  package let metrics = ServerMetrics()
  let replies: ReplyCache
  package let queries: WorkPool
  package let inserts: WorkPool
  /// Makes rows of results that have been computed: never waits for queries.
  package let results: WorkPool

  init(database: Database, configuration: ServerConfiguration, audit: RequestAudit) {
    self.audit = audit
    self.database = database
    self.configuration = configuration
    replies = ReplyCache(byteCountMax: configuration.replyCacheByteCountMax)
    queries = WorkPool(
      threadCount: max(1, configuration.queryCountMax),
      waitingCountMax: configuration.waitingQueryCountMax)
    inserts = WorkPool(
      threadCount: max(1, configuration.insertCountMax),
      waitingCountMax: configuration.waitingInsertCountMax)
    // One piece a connection at most: this never refuses.
    results = WorkPool(threadCount: 2, waitingCountMax: configuration.connectionCountMax + 1)
  }

  /// Runs `work` and hands its outcome to `completion` on any thread, or at once if there is no
  /// room for it.
  func run(
    _ work: Work, decoders: PayloadDecoders,
    completion: @escaping @Sendable (WorkOutcome) -> Void
  ) {
    let start = ContinuousClock.now
    let completion = audited(work, completion)
    do throws(WireError) {
      try audit.check()
    } catch {
      return completion(WorkOutcome(error, tag: work.tag))
    }
    let isAccepted =
      switch work.kind {
      case .query(let question, let options):
        queries.submit { [self] in
          let run = QueryRun(
            database: database, rowCountMax: configuration.rowCountMax, replies: replies)
          completion(run.run(question, options, work))
        }
      case .push(let question, let options, let number):
        queries.submit { [self] in
          let run = QueryRun(
            database: database, rowCountMax: configuration.rowCountMax, replies: replies)
          completion(run.push(question, options, work, number: number))
        }
      case .live(let org, let options, let number):
        queries.submit { [self] in
          let run = QueryRun(
            database: database, rowCountMax: configuration.rowCountMax, replies: replies)
          let question = LiveNumbers.question(org: org, active: active)
          completion(run.push(question, options, work, number: number))
        }
      case .insert(let payload, let options, let org, let isBody):
        inserts.submit { [self] in
          let run = InsertRun(
            database: database, decoders: decoders, limits: configuration.connection)
          let outcome = run.take(payload, options, org: org)
          metrics.countInsert(outcome, since: start)
          completion(outcome.workOutcome(isBody: isBody, tag: work.tag))
        }
      case .flush:
        inserts.submit { [self] in completion(flush(tag: work.tag)) }
      }
    if !isAccepted {
      if !work.kind.isQuery { metrics.countError(.busy) }
      let error = WireError(
        .busy, "too many requests wait already", fields: [WireField("after_ms", "1000")])
      completion(WorkOutcome(error, tag: work.tag))
    }
  }

  /// The reply to a question, if it is at hand. Never waits.
  ///
  /// - Parameter asker: whom the audit log names; nil: there is none.
  func keptReply(
    _ question: Question, _ options: QueryOptions, _ asker: Asker?
  ) -> KeptReply? {
    guard let changeCount = database.changeCount,
      let reply = replies.find(question, options, changeCount: changeCount)
    else { return nil }
    guard let asker else { return reply }
    var request = WorkRunner.request(question, by: asker)
    request.rowCount = reply.rowCount
    request.byteCount = reply.rowByteCount
    // What cannot be written down now waits for the log, or is refused, where all else is.
    guard audit.note(request) else { return nil }
    metrics.countQuery(nil, source: "cache", since: .now)
    return reply
  }

  /// Makes the next rows of a result.
  func produce(
    _ stream: ResultStream, completion: @escaping @Sendable (WorkOutcome) -> Void
  ) {
    let isAccepted = results.submit {
      var stream = stream
      var outcome = WorkOutcome()
      stream.appendPiece(to: &outcome.bytes)
      if !stream.isFinished { outcome.rest = stream }
      completion(outcome)
    }
    if !isAccepted {
      let error = WireError(.internalError, "no thread was left to write rows")
      completion(WorkOutcome(error, tag: nil))
    }
  }

  /// Runs something short that may wait.
  func runAside(_ body: @escaping @Sendable () -> Void) { _ = results.submit(body) }

  private func flush(tag: String?) -> WorkOutcome {
    guard database.isWritable else {
      return WorkOutcome(
        WireError(.readOnly, "the store is open for reading only"), tag: tag)
    }
    let start = ContinuousClock.now
    do throws(TallyError) {
      try database.store.flush()
    } catch {
      return WorkOutcome(WireError(error, source: nil), tag: tag)
    }
    let elapsed = start.duration(to: .now).components
    let nanoseconds =
      UInt64(clamping: elapsed.seconds) &* 1_000_000_000
      &+ UInt64(clamping: elapsed.attoseconds / 1_000_000_000)
    var outcome = WorkOutcome()
    Reply.done(
      .flush, tag: tag,
      fields: [WireField("ms", ResultSummary.milliseconds(nanoseconds))]
    ).encode(into: &outcome.bytes)
    return outcome
  }

  /// Waits for what runs.
  package func shutDown() {
    queries.shutDown()
    inserts.shutDown()
    results.shutDown()
  }
}
