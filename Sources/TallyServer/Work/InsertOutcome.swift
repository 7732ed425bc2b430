package import TallyIngest
package import TallyWire

/// What became of a batch of events: each protocol writes it its own way.
package struct InsertOutcome: Sendable {
  /// Rejected rows that are named in a reply.
  package static let namedRejectCountMax = 100

  /// Events that are new.
  package var acceptedCount = 0
  /// Rows of an event that was there.
  package var duplicateCount = 0
  /// Rows that were not taken, all of them.
  package var rejections: [Rejection] = []
  /// Whether the batch had been stored before, under its number.
  package var isReplay = false
  /// The record of the log, for those who may know.
  package var lsn: UInt64?
  /// What was honoured, by its name.
  package var acknowledgement: String
  /// Why nothing was stored; nil: it was.
  package var failure: WireError?

  package init(_ options: InsertOptions) {
    acknowledgement = (options.ack ?? .durable).rawValue
  }

  /// The rejected rows that a reply names.
  package var namedRejections: ArraySlice<Rejection> {
    rejections.prefix(InsertOutcome.namedRejectCountMax)
  }

  /// The counts, as the last reply has them.
  package var fields: [WireField] {
    var fields = [
      WireField("accepted", "\(acceptedCount)"), WireField("duplicates", "\(duplicateCount)"),
      WireField("rejected", "\(rejections.count)"),
      WireField("replay", isReplay ? "yes" : "no"),
    ]
    if let lsn { fields.append(WireField("lsn", "\(lsn)")) }
    fields.append(WireField("ack", acknowledgement))
    return fields
  }
}

extension InsertOutcome {
  /// The same as replies of the line protocol.
  func workOutcome(isBody: Bool, tag: String?) -> WorkOutcome {
    if let failure { return WorkOutcome(failure, tag: tag, notices: notices(tag: tag)) }
    var outcome = WorkOutcome()
    outcome.rowCount = acceptedCount
    for notice in notices(tag: tag) { notice.encode(into: &outcome.bytes) }
    Reply.done(isBody ? .ingest : .insert, tag: tag, fields: fields).encode(into: &outcome.bytes)
    return outcome
  }

  private func notices(tag: String?) -> [Reply] {
    var notices = namedRejections.map { rejection in
      Reply(
        tag: tag, .notice(word: "reject", message: rejection.reason), fields: rejection.wireFields)
    }
    let omittedCount = rejections.count - notices.count
    if omittedCount > 0 {
      notices.append(
        Reply(
          tag: tag, .notice(word: "rejects_omitted", message: nil),
          fields: [WireField("count", "\(omittedCount)")]))
    }
    return notices
  }
}

extension Rejection {
  /// `code line col field` of a reject.
  package var wireFields: [WireField] {
    var fields = [WireField("code", kind.wireCode.rawValue), WireField("line", "\(line)")]
    if let column { fields.append(WireField("col", "\(column)")) }
    if !field.isEmpty { fields.append(WireField("field", field)) }
    return fields
  }
}

extension Rejection.Kind {
  /// The code of a row's error.
  package var wireCode: WireCode {
    switch self {
    case .malformed: .parse
    case .value: .type
    case .limit: .limit
    case .unknownField: .unknownColumn
    case .otherOrg: .forbidden
    }
  }
}
