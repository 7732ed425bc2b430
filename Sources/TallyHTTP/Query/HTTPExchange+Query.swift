internal import HTTPTypes
internal import NIOCore
internal import Tally
internal import TallyAuth
internal import TallyBase
internal import TallyExecution
internal import TallyServer
internal import TallyWire

extension HTTPExchange {
  /// Runs `body` with a query that others may stop: by its name, by going away, when its time is
  /// up, or when the server stops.
  func withQuery<Result>(
    _ options: QueryOptions, _ body: (RunningQuery) async throws -> Result
  ) async throws -> Result {
    guard !context.isStopping else { throw WireError(.shutdown, "the server is stopping") }
    let query = RunningQuery(id: try queryID())
    sender.headers[.queryID] = query.id
    try context.queries.insert(query, org: org)
    defer { context.queries.remove(query, org: org) }
    state.whenGone { query.stop(.cancelled, "the client has gone away") }
    defer { state.whenGone(nil) }
    let limit = context.shared.configuration.connection.timeoutMilliseconds
    let milliseconds = min(options.timeout?.milliseconds ?? limit, limit)
    let timer = loop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
      query.stop(.timeout, "the query's time was up")
    }
    defer { timer.cancel() }
    return try await body(query)
  }

  /// - Throws: `E_ARGUMENT` if it is malformed.
  private func queryID() throws(WireError) -> String {
    guard let wanted = request.headerFields[.queryID] else {
      return "q-" + String(UInt64.random(in: .min ... .max), radix: 16)
    }
    let isRight = wanted.utf8.allSatisfy { byte in
      let isLetter = (byte | 0x20) &- UInt8(ascii: "a") < 26
      let isDigit = byte &- UInt8(ascii: "0") < 10
      return isLetter || isDigit || Array("_.-".utf8).contains(byte)
    }
    guard isRight, (1...64).contains(wanted.utf8.count) else {
      throw WireError(
        .argument, "found another X-Query-Id than 1 to 64 of letters, digits, '_', '.' and '-'")
    }
    return wanted
  }

  /// Answers a question on a thread for queries and makes of the answer what is needed first.
  ///
  /// - Parameter isAudited: whether it goes into the audit log, and counts as in flight.
  /// - Throws: every code of an engine's error, and why the query was stopped.
  func answer<Made: Sendable>(
    _ question: Question, _ query: RunningQuery, isAudited: Bool = true,
    make: @escaping @Sendable (Session.Answer) throws(WireError) -> Made
  ) async throws(WireError) -> (made: Made, times: QueryTimes) {
    var question = question
    question.org = org
    let (asked, database, times) = (question, context.runner.database, QueryTimes())
    try context.shared.audit.check()
    return try await query.wait { completion in
      let completion = isAudited ? audited(asked, query, completion) : completion
      let isAccepted = context.runner.queries.submit {
        var (question, times) = (asked, times)
        times.begin()
        do throws(TallyError) {
          try query.cancellation.check()
          let answer = try database.answer(&question, cancellation: query.cancellation)
          times.end(answer)
          do throws(WireError) {
            completion(.success((try make(answer), times)))
          } catch {
            completion(.failure(error))
          }
        } catch {
          completion(.failure(WireError(error, source: asked.text)))
        }
      }
      guard !isAccepted else { return }
      let fields = [WireField("after_ms", "1000")]
      completion(.failure(WireError(.busy, "too many queries wait already", fields: fields)))
    }
  }

  /// `completion` preceded by what the audit log is told, on the thread that did the work. What was
  /// asked counts as in flight until then.
  private func audited<Made: Sendable>(
    _ question: Question, _ query: RunningQuery,
    _ completion: @escaping @Sendable (Result<(made: Made, times: QueryTimes), WireError>) -> Void
  ) -> @Sendable (Result<(made: Made, times: QueryTimes), WireError>) -> Void {
    let action = question.parameters.isEmpty ? AuditRecord.Action.query : .execute
    var request = AuditedRequest(action, by: asker)
    request.statement = question.text
    let (audit, active, org, asked) = (context.shared.audit, context.runner.active, org, request)
    let (metrics, start) = (context.runner.metrics, ContinuousClock.now)
    sender.isCounted = true
    active.begin(org)
    return { result in
      var request = asked
      switch result {
      case .success(let answered):
        request.rowCount = answered.times.rowCount
        metrics.countQuery(nil, source: answered.times.source, since: start)
      case .failure(let error):
        // What runs is told to stop, not why.
        let code = query.failure?.code ?? error.code
        request.outcome = code.rawValue
        metrics.countQuery(code, source: nil, since: start)
      }
      active.end(org)
      do throws(WireError) {
        try audit.record(request)
        completion(result)
      } catch {
        completion(.failure(error))
      }
    }
  }

  /// Makes something short on a thread that never waits for queries.
  ///
  /// - Throws: why the query was stopped.
  func make<Made: Sendable>(
    _ query: RunningQuery, _ body: @escaping @Sendable () -> Made
  ) async throws(WireError) -> Made {
    try await query.wait { completion in
      let isAccepted = context.runner.results.submit { completion(.success(body())) }
      guard !isAccepted else { return }
      completion(.failure(WireError(.internalError, "no thread was left to write rows")))
    }
  }

  /// Rows of one result, as wanted and as the server allows; 0: no limit.
  func rowCountMax(_ options: QueryOptions) -> Int {
    let limit = context.shared.configuration.rowCountMax
    guard let wanted = options.rowCountMax, wanted > 0 else { return limit }
    return limit > 0 ? min(wanted, limit) : wanted
  }
}
