internal import NIOCore
internal import TallyWire

extension TallyClient {
  /// The form of events in a payload.
  public enum DataFormat: String, Hashable, Sendable, CaseIterable {
    /// InfluxDB line protocol.
    case influx
    case jsonl, csv
  }

  /// What an acknowledgement waits for.
  public enum Acknowledgement: String, Hashable, Sendable, CaseIterable {
    /// Rows are checked and visible; they survive nothing.
    case memory
    /// They survive the end of the server process.
    case os
    /// They survive a power cut.
    case durable
    /// And they are in segments, which other processes see.
    case published
  }

  /// What becomes of a batch with rows that cannot be taken.
  public enum BatchMode: String, Hashable, Sendable, CaseIterable {
    /// Nothing of it is stored.
    case all
    /// The other rows are stored.
    case partial
  }

  /// How a payload is compressed.
  public enum Encoding: String, Hashable, Sendable, CaseIterable {
    case none, gzip, zstd
  }

  /// How a batch is sent.
  public struct InsertOptions: Hashable, Sendable {
    /// What must have happened before the batch is acknowledged.
    public var acknowledgement = Acknowledgement.durable
    /// Whether rows that are wrong reject the whole batch.
    public var mode = BatchMode.all
    /// How the payload that is handed over is compressed already.
    public var encoding = Encoding.none
    /// Unit of numeric times: `ns`, `us`, `ms` or `s`; nil: told by magnitude.
    public var precision: String?
    /// Whether fields that are no columns yet reject their row.
    public var isStrict = false
    /// A number of the caller's own, for batches that are to be stored once beyond the life of
    /// this client; it grows from batch to batch. Nil: the client numbers.
    public var sequence: UInt64?

    /// As it is by default: durable, all rows or none.
    public init() {}
  }

  /// What became of a batch.
  public struct InsertReceipt: Hashable, Sendable {
    /// New events.
    public var acceptedCount: Int
    /// Rows of an event that was there, by `event_id`.
    public var duplicateCount: Int
    /// Rows that were not taken.
    public var rejectedCount: Int
    /// Whether the batch had been stored by an earlier attempt; the counts are then 0.
    public var isReplay: Bool
    /// The log record, where the server tells it.
    public var lsn: UInt64?
    /// The rows that were not taken, a hundred at most.
    public var rejects: [TallyClientError.Reject]
    /// Times the batch was sent.
    public var attemptCount: Int

    init(_ answer: Answer, attemptCount: Int) {
      let fields = answer.last.fields
      func count(_ key: String) -> Int { fields[key].flatMap { Int($0) } ?? 0 }
      acceptedCount = count("accepted")
      duplicateCount = count("duplicates")
      rejectedCount = count("rejected")
      isReplay = fields["replay"] == "yes"
      lsn = fields["lsn"].flatMap { UInt64($0) }
      rejects = answer.notices.compactMap { TallyClientError.Reject($0) }
      self.attemptCount = attemptCount
    }
  }

  /// Sends events as one batch. A batch has at most 100,000 rows and 16 MiB.
  @discardableResult
  public func insert(
    _ events: [Event], options: InsertOptions = InsertOptions()
  ) async throws(TallyClientError) -> InsertReceipt {
    var bytes: [UInt8] = []
    for event in events { event.append(to: &bytes) }
    return try await insert(bytes, format: .jsonl, options: options)
  }

  /// Sends rows as one batch, again and again if need be: after a lost connection, and where the
  /// server says that it may succeed later. It is stored once.
  ///
  /// - Throws: why it was not taken, with the rows that are wrong;
  ///   ``TallyClientError/Code/lost`` if nobody knows whether it was.
  @discardableResult
  public func insert(
    _ payload: [UInt8], format: DataFormat, options: InsertOptions = InsertOptions()
  ) async throws(TallyClientError) -> InsertReceipt {
    guard options.sequence == nil else { return try await insertNumbered(payload, format, options) }
    var numbered = options
    let number = try await sequence.begin()
    defer { sequence.end(number) }
    numbered.sequence = number
    return try await insertNumbered(payload, format, numbered)
  }

  private func insertNumbered(
    _ payload: [UInt8], _ format: DataFormat, _ options: InsertOptions
  ) async throws(TallyClientError) -> InsertReceipt {
    let command = Command.insert(
      payload: payload, options: options.wire(format, producer: configuration.producer),
      isBody: false)
    var attemptCount = 0
    while true {
      attemptCount += 1
      do throws(TallyClientError) {
        let answer = try await sharing { connection throws(TallyClientError) in
          try await connection.ask(command)
        }
        return InsertReceipt(answer, attemptCount: attemptCount)
      } catch {
        let isWorthIt = error.isRetryable && error.code != .cancelled && error.code != .poolFull
        guard isWorthIt, attemptCount < configuration.retry.attemptCountMax else { throw error }
        let pause = configuration.retry.pause(after: attemptCount, asked: error.retryAfter)
        do { try await Task.sleep(for: pause) } catch { throw .cancelledTask }
      }
    }
  }
}

extension TallyClient.InsertOptions {
  fileprivate func wire(
    _ format: TallyClient.DataFormat, producer: String
  ) -> TallyWire.InsertOptions {
    var options = TallyWire.InsertOptions()
    options.data = TallyWire.DataFormat(rawValue: format.rawValue)
    options.ack = AckLevel(rawValue: acknowledgement.rawValue)
    options.mode = TallyWire.BatchMode(rawValue: mode.rawValue)
    options.precision = precision.flatMap { TimePrecision(rawValue: $0) }
    options.encoding = PayloadEncoding(rawValue: encoding.rawValue) ?? .none
    options.isStrict = isStrict
    options.producer = producer
    options.sequence = sequence
    return options
  }
}
