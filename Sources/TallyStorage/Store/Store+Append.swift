import Synchronization
package import TallyBase
import TallyFile

extension Store {
  /// The columns as they are now, those included that rows on their way have added.
  package var schema: Schema {
    get throws(TallyError) {
      if let catalog { return catalog.schema }
      return try snapshot().schema
    }
  }

  /// Takes rows. Queries see them when this returns, and not before they survive what `options`
  /// asks for. Any thread may call; callers that come at the same time share one sync.
  ///
  /// A row's `time` must not be NULL and must lie in the years 1970...2261. Unknown columns are
  /// added to the schema with the type they have here.
  ///
  /// - Throws: `invalidInput`, `resourceExhausted`, `invalidArgument`: nothing is taken.
  ///   `diskFull`, `io`: nothing is acknowledged; the batch may be sent again under its producer's
  ///   number. The disk counts as full while less is free than `options.freeByteCountMin`.
  ///   `corruption` if a dictionary cannot be read.
  /// - Complexity: O(values). Waits for a sync of the disk where the acknowledgement says so, and
  ///   for a flush while the buffer is full.
  package func append(
    _ batch: EventBatch, options appendOptions: AppendOptions = AppendOptions()
  ) throws(TallyError) -> AppendReceipt {
    guard let buffer, let catalog else { throw Store.notWritable() }
    try check(batch, appendOptions)
    try freeSpace.check(taking: batch.byteCount)
    let producer = appendOptions.sequence == nil ? nil : appendOptions.producer
    let prepared = try IngestBatch(
      batch, catalog: catalog, producer: producer, sequence: appendOptions.sequence ?? 0,
      ingestedAtMicroseconds: appendOptions.ingestedAtMicroseconds ?? WallClock.nowMicroseconds(),
      key: fingerprinter)
    if batch.rowCount > 0 {
      try prepared.findMatches(in: try committedSnapshot())
      try waitForRoom(buffer)
      defer { changes.add(1, ordering: .releasing) }
      try take(prepared, appendOptions.acknowledgement, buffer)
    }
    if appendOptions.acknowledgement == .published { try flush() }
    var receipt = prepared.receipt
    receipt.acknowledgement = appendOptions.acknowledgement
    return receipt
  }

  private func check(
    _ batch: EventBatch, _ appendOptions: AppendOptions
  ) throws(TallyError) {
    guard batch.rowCount <= options.batchRowCountMax else {
      throw TallyError(
        .resourceExhausted,
        "a batch has \(batch.rowCount) rows, the limit is \(options.batchRowCountMax)",
        hint: "send it in several batches")
    }
    let byteCount = batch.byteCount
    guard byteCount <= options.batchByteCountMax else {
      throw TallyError(
        .resourceExhausted,
        "a batch takes \(byteCount) bytes, the limit is \(options.batchByteCountMax)",
        hint: "send it in several batches")
    }
    try BatchCheck.checkValues(of: batch, byteCountMax: options.valueByteCountMax)
    guard (appendOptions.producer == nil) == (appendOptions.sequence == nil) else {
      throw TallyError(
        .invalidArgument, "a producer and a sequence number belong together, found only one")
    }
    if let producer = appendOptions.producer {
      guard (1...ManifestEdit.producerByteCountMax).contains(producer.utf8.count) else {
        throw TallyError(
          .invalidArgument,
          "a producer's name has \(producer.utf8.count) bytes, expected 1 to "
            + "\(ManifestEdit.producerByteCountMax)")
      }
    }
    if let failure = commitFailure { throw failure }
  }

  private func take(
    _ prepared: IngestBatch, _ acknowledgement: Acknowledgement, _ buffer: WriteBuffer
  ) throws(TallyError) {
    let committed: @Sendable () -> StoreSnapshot? = { [weak self] in
      try? self?.committedSnapshot()
    }
    guard acknowledgement != .memory else {
      return buffer.apply(prepared, lsn: nil, committed: committed)
    }
    var record = EventBatchCodec()
    record.producer = prepared.producer ?? ""
    record.sequence = prepared.sequence
    record.ingestedAtMicroseconds = prepared.ingestedAtMicroseconds
    record.batch = prepared.batch
    _ = try openLog().append(record.encode(), isDurable: acknowledgement != .os) { lsn in
      buffer.apply(prepared, lsn: lsn, committed: committed)
    }
  }

  /// Has rows flushed that have become too many; waits for that when they are twice too many.
  private func waitForRoom(_ buffer: WriteBuffer) throws(TallyError) {
    let byteCount = buffer.byteCount
    guard byteCount > options.bufferByteCountMax else { return startFlusher() }
    guard byteCount <= 2 * options.bufferByteCountMax, options.isFlushingInBackground else {
      return try flush()
    }
    startFlusher()
    flusher.withLock { $0?.wake() }
  }

  /// The log, made if it is not there yet.
  func openLog() throws(TallyError) -> WriteAheadLog {
    try log.withLock { (log) throws(TallyError) in
      if let log { return log }
      let manifest = try committedManifest()
      let position =
        logPosition.withLock { $0 }
        ?? LogPosition(
          nextLSN: manifest.appliedLSN + 1, nextNumber: manifest.logNumber + 1, files: [])
      let storage = LogStorage(
        layout: layout, fileSystem: segmentFiles.fileSystem, storeID: manifest.storeID,
        position: position
      ) { [weak self] (number) throws(TallyError) in
        guard let self else { return }
        var edit = ManifestEdit()
        edit.logNumber = number
        _ = try self.commit(edit, tables: [:])
      }
      let made = WriteAheadLog(
        storage: storage, nextLSN: position.nextLSN, options: options.log)
      log = made
      return made
    }
  }
}
