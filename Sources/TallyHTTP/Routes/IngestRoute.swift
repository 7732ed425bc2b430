internal import HTTPTypes
internal import TallyAuth
internal import TallyFormat
internal import TallyIngest
internal import TallyServer
internal import TallyWire

/// `POST /v1/ingest`: takes a batch of events.
struct IngestRoute: HTTPRoute {
  func respond(to exchange: HTTPExchange) async throws {
    var reader = try exchange.options()
    var options = try InsertOptions(&reader, allowsEncoding: false)
    try reader.finish()
    options = options.filled(from: .standard)
    if exchange.parameters["data"] == nil {
      options.data = try IngestRoute.format(exchange.mediaType)
    }
    options.encoding = try ContentCoding(ofBody: exchange.header("Content-Encoding"))
      .payloadEncoding
    let outcome = try await exchange.withBody { body in
      try await exchange.take(body, options)
    }
    try await send(outcome, options, exchange)
  }

  /// - Throws: `E_MEDIA_TYPE`.
  private static func format(_ mediaType: String?) throws(WireError) -> DataFormat {
    switch mediaType {
    case nil, "text/plain", "application/vnd.influx.line-protocol": return .influx
    case "application/x-ndjson", "application/jsonl", "application/json": return .jsonl
    case "text/csv", "text/tab-separated-values": return .csv
    case .some(let other):
      throw WireError(
        .mediaType, "found Content-Type: \(other), expected events",
        hint: "text/plain, application/x-ndjson or text/csv; or say data=")
    }
  }

  private func send(
    _ outcome: InsertOutcome, _ options: InsertOptions, _ exchange: HTTPExchange
  ) async throws {
    if let failure = outcome.failure {
      exchange.sender.closes = !exchange.hasWholeRequest
      return try await exchange.send(failure, more: outcome.jsonRejects)
    }
    let isDurable = options.ack != .memory && options.ack != .os
    let status: HTTPResponse.Status =
      !outcome.rejections.isEmpty ? .multiStatus : isDurable ? .ok : .accepted
    let json = "{" + JSONMembers.text(outcome.fields) + outcome.jsonRejects + "}\n"
    try await exchange.sender.send(status, type: "application/json", Array(json.utf8))
  }
}

extension HTTPExchange {
  /// Stores a batch, on a thread that may wait for the disk.
  ///
  /// - Throws: `E_BUSY`.
  func take(
    _ body: consuming [UInt8], _ options: InsertOptions
  ) async throws(WireError) -> InsertOutcome {
    let run = InsertRun(
      database: context.runner.database, decoders: state.decoders,
      limits: context.shared.configuration.connection)
    try context.shared.audit.check()
    let (payload, org, asker) = (consume body, org, asker)
    let (audit, active) = (context.shared.audit, context.runner.active)
    let (metrics, start) = (context.runner.metrics, ContinuousClock.now)
    sender.isCounted = true
    context.beginTaking()
    defer { context.endTaking() }
    active.begin(org)
    defer { active.end(org) }
    return await withCheckedContinuation { continuation in
      let isAccepted = context.runner.inserts.submit {
        var outcome = run.take(payload, options, org: org)
        metrics.countInsert(outcome, since: start)
        outcome.record(payload.count, by: asker, audit)
        continuation.resume(returning: outcome)
      }
      guard !isAccepted else { return }
      var outcome = InsertOutcome.busy(options)
      metrics.countInsert(outcome, since: start)
      outcome.record(payload.count, by: asker, audit)
      continuation.resume(returning: outcome)
    }
  }
}

extension InsertOutcome {
  /// Writes down what became of the batch.
  fileprivate mutating func record(_ byteCount: Int, by asker: Asker, _ audit: RequestAudit) {
    var request = AuditedRequest(.insert, by: asker)
    request.outcome = failure?.code.rawValue ?? "ok"
    request.rowCount = failure == nil ? acceptedCount : nil
    request.byteCount = byteCount
    do throws(WireError) {
      try audit.record(request)
    } catch {
      // What was stored is stored: sent again under its number it is known.
      failure = error
    }
  }

  /// Of a batch for which there was no room.
  fileprivate static func busy(_ options: InsertOptions) -> InsertOutcome {
    var outcome = InsertOutcome(options)
    outcome.failure = WireError(
      .busy, "too many requests wait already", fields: [WireField("after_ms", "1000")])
    return outcome
  }

  /// The rows that were not taken, with a comma before it; empty if there are none.
  var jsonRejects: String {
    guard !rejections.isEmpty else { return "" }
    let rejects = namedRejections.map { rejection in
      "{" + JSONMembers.text(rejection.wireFields + [WireField("reason", rejection.reason)]) + "}"
    }
    let omittedCount = rejections.count - rejects.count
    let omitted = omittedCount > 0 ? ",\"rejects_omitted\":\(omittedCount)" : ""
    return ",\"rejects\":[" + rejects.joined(separator: ",") + "]" + omitted
  }
}
