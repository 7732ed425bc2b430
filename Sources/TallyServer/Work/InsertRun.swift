internal import Synchronization
internal import Tally
internal import TallyBase
internal import TallyIngest
internal import TallyStorage
internal import TallyWire

/// The decoders of one connection: they keep what they learned from batch to batch.
final class PayloadDecoders: Sendable {
  private struct Key: Hashable {
    var isStrict: Bool
    var precision: TimePrecision
  }

  /// Payloads that are larger leave no decoder behind, since it would keep as much memory.
  private static let keptByteCountMax = 1 << 20

  private let decoders = Mutex<[Key: PayloadDecoder]>([:])

  /// - Throws: `invalidInput`.
  func decode(
    _ payload: [UInt8], _ options: InsertOptions, schema: Schema, nowMicroseconds: Int64
  ) throws(TallyError) -> DecodedChunk {
    let key = Key(isStrict: options.isStrict, precision: options.precision ?? .auto)
    let time = TimeOptions(unit: TimeUnit(rawValue: key.precision.rawValue))
    let mapping = try FieldMapping(isStrict: key.isStrict, time: time)
    let format: InputFormat
    switch options.data ?? .influx {
    case .influx: format = .influx
    case .jsonl: format = .jsonl
    case .csv: format = .csv
    }
    return try decoders.withLock { (decoders) throws(TallyError) in
      let decoder = decoders[key] ?? PayloadDecoder(mapping: mapping)
      if payload.count <= PayloadDecoders.keptByteCountMax { decoders[key] = decoder }
      return try decoder.decode(
        payload, format: format, schema: schema, receivedAtMicroseconds: nowMicroseconds)
    }
  }
}

/// Takes one batch of events.
struct InsertRun {
  /// Rejected rows that are named.
  static let noticeCountMax = 100

  let database: Database
  let decoders: PayloadDecoders
  let limits: ConnectionLimits

  func run(
    _ payload: [UInt8], _ options: InsertOptions, org: String?, isBody: Bool, tag: String?
  ) -> WorkOutcome {
    var notices: [Reply] = []
    do throws(WireError) {
      let reply = try insert(payload, options, org: org, isBody: isBody, tag: tag, &notices)
      var outcome = WorkOutcome()
      for notice in notices + [reply] { notice.encode(into: &outcome.bytes) }
      return outcome
    } catch {
      return WorkOutcome(error, tag: tag, notices: notices)
    }
  }

  private func insert(
    _ payload: [UInt8], _ options: InsertOptions, org: String?, isBody: Bool, tag: String?,
    _ notices: inout [Reply]
  ) throws(WireError) -> Reply {
    guard database.isWritable else {
      throw WireError(.readOnly, "the store is open for reading only")
    }
    let bytes = try PayloadBytes.decode(
      payload, options.encoding, byteCountMax: limits.wire.payloadByteCountMax)
    let decoded = try decode(bytes, options)
    guard decoded.batch.rowCount <= limits.batchRowCountMax else {
      throw WireError(
        .tooLarge,
        "found \(decoded.batch.rowCount) rows, expected at most \(limits.batchRowCountMax)",
        fields: [WireField("max", "\(limits.batchRowCountMax)")], hint: "send smaller batches")
    }
    notices = InsertRun.notices(decoded.rejections, tag: tag)
    let isRefused = options.mode != .partial || decoded.batch.rowCount == 0
    if let first = decoded.rejections.first, isRefused {
      throw InsertRun.refusal(first, count: decoded.rejections.count, options)
    }
    let receipt = try append(decoded.batch, options, org: org)
    var fields = [
      WireField("accepted", "\(receipt.acceptedCount)"),
      WireField("duplicates", "\(receipt.duplicateCount)"),
      WireField("rejected", "\(decoded.rejections.count)"),
      WireField("replay", receipt.isReplay ? "yes" : "no"),
    ]
    if let lsn = receipt.lsn { fields.append(WireField("lsn", "\(lsn)")) }
    fields.append(WireField("ack", receipt.acknowledgement.rawValue))
    return .done(isBody ? .ingest : .insert, tag: tag, fields: fields)
  }

  private func decode(
    _ bytes: [UInt8], _ options: InsertOptions
  ) throws(WireError) -> DecodedChunk {
    do throws(TallyError) {
      return try decoders.decode(
        bytes, options, schema: try database.store.schema,
        nowMicroseconds: Timestamp.now.microsecondsSinceEpoch)
    } catch {
      throw WireError(error, source: nil)
    }
  }

  private func append(
    _ batch: EventBatch, _ options: InsertOptions, org: String?
  ) throws(WireError) -> AppendReceipt {
    var appendOptions = AppendOptions()
    switch options.ack ?? .durable {
    case .memory: appendOptions.acknowledgement = .memory
    case .os: appendOptions.acknowledgement = .os
    case .durable: appendOptions.acknowledgement = .durable
    case .published: appendOptions.acknowledgement = .published
    }
    appendOptions.producer = options.producer
    appendOptions.sequence = options.sequence
    do throws(TallyError) {
      let session = try org.map { org throws(TallyError) in try database.openSession(org: org) }
      return try (session ?? database.session()).append(batch, options: appendOptions)
    } catch {
      throw WireError(error, source: nil)
    }
  }

  // MARK: Rejects

  private static func refusal(
    _ first: Rejection, count: Int, _ options: InsertOptions
  ) -> WireError {
    let mode = options.mode ?? .all
    return WireError(
      code(first.kind),
      mode == .all ? "the batch was rejected (mode=all)" : "every row was rejected",
      fields: [WireField("accepted", "0"), WireField("rejected", "\(count)")])
  }

  private static func code(_ kind: Rejection.Kind) -> WireCode {
    switch kind {
    case .malformed: .parse
    case .value: .type
    case .limit: .limit
    case .unknownField: .unknownColumn
    }
  }

  private static func notices(_ rejections: [Rejection], tag: String?) -> [Reply] {
    var notices = rejections.prefix(noticeCountMax).map { rejection in
      var fields = [
        WireField("code", code(rejection.kind).rawValue), WireField("line", "\(rejection.line)"),
      ]
      if let column = rejection.column { fields.append(WireField("col", "\(column)")) }
      if !rejection.field.isEmpty { fields.append(WireField("field", rejection.field)) }
      return Reply(tag: tag, .notice(word: "reject", message: rejection.reason), fields: fields)
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
