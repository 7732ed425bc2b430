internal import Tally
internal import TallyAuth
internal import TallyBase
internal import TallyWire

extension WorkRunner {
  /// `completion` preceded by what the audit log is told, on the thread that did the work. What was
  /// asked counts as in flight until then.
  func audited(
    _ work: Work, _ completion: @escaping @Sendable (WorkOutcome) -> Void
  ) -> @Sendable (WorkOutcome) -> Void {
    guard let request = WorkRunner.request(work) else { return completion }
    let (org, start) = (request.asker.org, ContinuousClock.now)
    active.begin(org)
    return { [self] outcome in
      active.end(org)
      if work.kind.isQuery {
        metrics.countQuery(outcome.failure?.code, source: outcome.source, since: start)
      }
      completion(recorded(request, outcome, tag: work.tag))
    }
  }

  private func recorded(
    _ request: AuditedRequest, _ outcome: WorkOutcome, tag: String?
  ) -> WorkOutcome {
    var request = request
    request.outcome = outcome.failure?.code.rawValue ?? "ok"
    request.rowCount = outcome.rowCount
    request.byteCount = request.byteCount ?? outcome.byteCount
    if outcome.failure?.code == .busy {
      // Told where nothing may wait.
      audit.note(request)
      return outcome
    }
    do throws(WireError) {
      try audit.record(request)
      return outcome
    } catch {
      // What was stored is stored: sent again under its number it is known.
      return WorkOutcome(error, tag: tag)
    }
  }

  static func request(_ question: Question, by asker: Asker) -> AuditedRequest {
    var request = AuditedRequest(question.parameters.isEmpty ? .query : .execute, by: asker)
    request.statement = question.text
    return request
  }

  /// Nil for pushes: their subscription was written down.
  private static func request(_ work: Work) -> AuditedRequest? {
    guard let asker = work.asker else { return nil }
    var request: AuditedRequest
    switch work.kind {
    case .query(let question, _): request = WorkRunner.request(question, by: asker)
    case .insert(let payload, _, _, _):
      request = AuditedRequest(.insert, by: asker)
      request.byteCount = payload.count
    case .flush: request = AuditedRequest(.flush, by: asker)
    case .push, .live: return nil
    }
    return request
  }
}
