import Synchronization
package import TallyBase

/// One input of an import.
package struct ImportInput: Sendable {
  /// What messages call it: a path, or `-`.
  package var name: String
  /// Opens it; called once, from any thread.
  package var open: @Sendable () throws(TallyError) -> any ByteSource

  package init(
    name: String, open: @escaping @Sendable () throws(TallyError) -> any ByteSource
  ) {
    self.name = name
    self.open = open
  }
}

/// Where an import's results go. Calls come one at a time, in the order of the input.
package protocol ImportSink: AnyObject, Sendable {
  /// Takes accepted rows. An error stops the import.
  func accept(_ batch: EventBatch) throws(TallyError)
  /// Takes rejected lines of one input. An error stops the import.
  func reject(_ rejections: [Rejection], input: String) throws(TallyError)
}

/// Reads inputs, decodes chunks in parallel and delivers rows in order.
///
/// Every worker takes the next chunk under a lock, decodes it alone, and hands it in; whoever
/// hands in the chunk that is due delivers it and those after it that are ready. At most
/// `windowPerThread` chunks a thread are under way, which bounds memory. The types of new columns
/// are those of their first accepted row in file order: a chunk decoded under other assumptions
/// than hold when its turn comes is decoded again.
package final class ImportPipeline: Sendable {
  package struct Options: Sendable {
    package var mapping = FieldMapping.standard
    /// nil: told by each input's name, or else by its first bytes.
    package var format: InputFormat?
    /// nil: told by the header.
    package var delimiter: UInt8?
    /// InfluxDB line protocol: the measurement whose lines are taken.
    package var measurement = "usage"
    package var threadCount = 2
    /// Bytes of text a worker takes at a time.
    package var chunkByteCount = 4 << 20
    package var limits = InputLimits.standard

    package init() {}
  }

  package struct Summary: Sendable {
    package var rowCount = 0
    package var rejectedCount = 0
    /// Inputs that could not be read to their end, and why. What came before was delivered.
    package var failures: [(input: String, error: TallyError)] = []
  }

  /// Chunks under way, for each thread.
  private static let windowPerThread = 3

  private let options: Options
  private let sink: any ImportSink
  private let cancellation: CancellationToken
  private let feed: Mutex<InputFeed>
  private let delivery: Monitor<Delivery>
  /// Rows delivered so far, for progress.
  private let rowCount = Atomic<Int>(0)

  /// What is under way between the workers.
  private struct Delivery: Sendable {
    var schema: Schema
    /// Number of the chunk whose turn it is.
    var due = 0
    /// Chunks taken from the feed.
    var takenCount = 0
    var ready: [Int: DecodedWork] = [:]
    var isDelivering = false
    var isStopped = false
    var freeChunks: [TextChunk] = []
    var summary = Summary()
    /// Lines delivered of each input.
    var lineCounts: [Int: Int] = [:]
  }

  /// - Parameter schema: the columns the store has.
  package init(
    options: Options, schema: Schema, inputs: [ImportInput], sink: any ImportSink,
    cancellation: CancellationToken = CancellationToken()
  ) {
    self.options = options
    self.sink = sink
    self.cancellation = cancellation
    feed = Mutex(InputFeed(inputs: inputs, options: options))
    delivery = Monitor(Delivery(schema: schema))
  }

  /// Rows delivered so far. Any thread may ask.
  package var deliveredRowCount: Int { rowCount.load(ordering: .relaxed) }

  /// Imports everything. Call once.
  ///
  /// - Throws: `cancelled`; `invalidArgument` if a constant does not fit its column; what the
  ///   sink throws. What was delivered before is then the caller's to drop.
  package func run(on pool: WorkerPool) throws(TallyError) -> Summary {
    let threadCount = max(1, min(options.threadCount, pool.threadCount))
    try pool.run(count: threadCount, workers: threadCount) {
      (_: Int, _: Int) throws(TallyError) in
      do throws(TallyError) {
        try self.work(windowCount: threadCount * ImportPipeline.windowPerThread)
      } catch {
        self.delivery.update { $0.isStopped = true }
        throw error
      }
    }
    return delivery.update { $0.summary }
  }

  /// One worker: takes, decodes and hands in chunks until there are no more.
  private func work(windowCount: Int) throws(TallyError) {
    var decoders = DecoderCache(
      mapping: options.mapping, measurement: options.measurement, limits: options.limits)
    while true {
      try cancellation.check()
      let start = delivery.wait { (state: inout Delivery) -> (TextChunk?, Schema)?? in
        if state.isStopped { return .some(nil) }
        guard state.takenCount - state.due < windowCount else { return nil }
        return (state.freeChunks.popLast(), state.schema)
      }
      guard let (reused, schema) = start else { return }
      let chunk =
        reused
        ?? TextChunk(
          capacity: ChunkReader.chunkCapacity(
            chunkByteCount: options.chunkByteCount, limits: options.limits))
      guard let work = takeNext(chunk) else { return }
      let decoder = try work.needsDecoder ? decoders.decoder(for: work, schema: schema) : nil
      let result = work.text.flatMap { decoder?.decode($0, schema: schema) }
      delivery.update {
        $0.ready[work.number] = DecodedWork(work: work, result: result, schema: schema)
      }
      try deliver(&decoders)
    }
  }

  private func takeNext(_ chunk: TextChunk) -> InputWork? {
    feed.withLock { feed in
      guard let work = feed.next(into: chunk) else { return nil }
      delivery.update { $0.takenCount += 1 }
      return work
    }
  }

  /// Delivers what is due, unless another worker is at it.
  private func deliver(_ decoders: inout DecoderCache) throws(TallyError) {
    while true {
      let next = delivery.update { (state: inout Delivery) -> (DecodedWork, Schema)? in
        guard !state.isDelivering, !state.isStopped,
          let next = state.ready.removeValue(forKey: state.due)
        else { return nil }
        state.isDelivering = true
        return (next, state.schema)
      }
      guard let (done, schema) = next else { return }
      try hand(done, schema: schema, &decoders)
    }
  }

  /// Delivers one piece of work.
  private func hand(
    _ done: DecodedWork, schema: Schema, _ decoders: inout DecoderCache
  ) throws(TallyError) {
    var schema = schema
    var result = done.result
    if let text = done.work.text, let decoded = result,
      !decoded.holds(assuming: done.schema, now: schema)
    {
      result = try decoders.decoder(for: done.work, schema: schema).decode(text, schema: schema)
    }
    for column in result?.newColumns ?? [] where schema.column(named: column.name) == nil {
      _ = try schema.append(name: column.name, type: column.type)
    }
    let input = done.work.inputIndex
    let lineStart =
      delivery.update { $0.lineCounts[input, default: 0] } + done.work.precedingLineCount
    var rejections = result?.rejections ?? []
    if let rejection = done.work.rejection { rejections.append(rejection) }
    for index in rejections.indices { rejections[index].line += lineStart }
    if let batch = result?.batch, batch.rowCount > 0 {
      try sink.accept(batch)
      rowCount.add(batch.rowCount, ordering: .relaxed)
    }
    if !rejections.isEmpty { try sink.reject(rejections, input: done.work.inputName) }
    let lineCount = done.work.rejection == nil ? result?.lineCount ?? 0 : 1
    let rejectedCount = rejections.count
    let grownSchema = schema
    delivery.update { state in
      state.schema = grownSchema
      state.lineCounts[input] = lineStart + lineCount
      state.summary.rowCount += result?.batch.rowCount ?? 0
      state.summary.rejectedCount += rejectedCount
      if let failure = done.work.failure {
        state.summary.failures.append((done.work.inputName, failure))
      }
      if let chunk = done.work.text { state.freeChunks.append(chunk) }
      state.due += 1
      state.isDelivering = false
    }
  }
}
