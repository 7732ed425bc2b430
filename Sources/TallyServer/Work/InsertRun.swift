internal import Synchronization
package import Tally
internal import TallyBase
internal import TallyIngest
internal import TallyStorage
package import TallyWire

/// The decoders of one connection: they keep what they learned from batch to batch.
package final class PayloadDecoders: Sendable {
  private struct Key: Hashable {
    var isStrict: Bool
    var precision: TimePrecision
  }

  /// Payloads that are larger leave no decoder behind, since it would keep as much memory.
  private static let keptByteCountMax = 1 << 20

  private let decoders = Mutex<[Key: PayloadDecoder]>([:])

  package init() {}

  /// - Throws: `invalidInput`.
  func decode(
    _ payload: [UInt8], _ options: InsertOptions, org: String?, schema: Schema,
    nowMicroseconds: Int64
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
      decoder.ownOrg = org.map { ByteString($0) }
      return try decoder.decode(
        payload, format: format, schema: schema, receivedAtMicroseconds: nowMicroseconds)
    }
  }
}

/// Takes one batch of events.
package struct InsertRun {
  private let database: Database
  private let decoders: PayloadDecoders
  private let limits: ConnectionLimits

  package init(database: Database, decoders: PayloadDecoders, limits: ConnectionLimits) {
    self.database = database
    self.decoders = decoders
    self.limits = limits
  }

  /// Takes a payload, whatever comes of it.
  package func take(
    _ payload: [UInt8], _ options: InsertOptions, org: String?
  ) -> InsertOutcome {
    var outcome = InsertOutcome(options)
    do throws(WireError) {
      try take(payload, options, org: org, &outcome)
    } catch {
      outcome.failure = error
    }
    return outcome
  }

  private func take(
    _ payload: [UInt8], _ options: InsertOptions, org: String?, _ outcome: inout InsertOutcome
  ) throws(WireError) {
    guard database.isWritable else {
      throw WireError(.readOnly, "the store is open for reading only")
    }
    let bytes = try PayloadBytes.decode(
      payload, options.encoding, byteCountMax: limits.wire.payloadByteCountMax)
    let decoded = try decode(bytes, options, org: org)
    guard decoded.batch.rowCount <= limits.batchRowCountMax else {
      throw WireError(
        .tooLarge,
        "found \(decoded.batch.rowCount) rows, expected at most \(limits.batchRowCountMax)",
        fields: [WireField("max", "\(limits.batchRowCountMax)")], hint: "send smaller batches")
    }
    outcome.rejections = decoded.rejections
    let isRefused = options.mode != .partial || decoded.batch.rowCount == 0
    if let first = decoded.rejections.first, isRefused {
      throw InsertRun.refusal(first, count: decoded.rejections.count, options)
    }
    let receipt = try append(decoded.batch, options, org: org)
    outcome.acceptedCount = receipt.acceptedCount
    outcome.duplicateCount = receipt.duplicateCount
    outcome.isReplay = receipt.isReplay
    outcome.lsn = receipt.lsn
    outcome.acknowledgement = receipt.acknowledgement.rawValue
  }

  private func decode(
    _ bytes: [UInt8], _ options: InsertOptions, org: String?
  ) throws(WireError) -> DecodedChunk {
    do throws(TallyError) {
      return try decoders.decode(
        bytes, options, org: org, schema: try database.store.schema,
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
      first.kind.wireCode,
      mode == .all ? "the batch was rejected (mode=all)" : "every row was rejected",
      fields: [WireField("accepted", "0"), WireField("rejected", "\(count)")])
  }
}
