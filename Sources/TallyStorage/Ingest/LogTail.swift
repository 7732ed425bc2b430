import Synchronization
import TallyBase
import TallyFile

/// The rows of another process's log that are in no segment yet, as a reader sees them beside
/// the committed ones.
///
/// They are applied by the writer's rules, so that a repeated event is one here too. A row may be
/// seen a moment before the writer's caller learns that it is on disk.
final class LogTail: Sendable {
  private let files: SegmentFiles
  private let state = Mutex(State())

  private struct State {
    /// What the buffer was begun over.
    var generation: UInt64 = 0
    var buffer: WriteBuffer?
    var nextLSN: UInt64 = 0
  }

  init(files: SegmentFiles) { self.files = files }

  /// `base` and the rows of the log behind it.
  ///
  /// - Throws: `corruption`, `io`, `version`; also when the writer has just moved on, which shows
  ///   by a newer manifest.
  func snapshot(
    over base: StoreSnapshot, _ manifest: Manifest
  ) throws(TallyError) -> StoreSnapshot {
    try state.withLock { [files] (state) throws(TallyError) in
      let buffer: WriteBuffer
      if let known = state.buffer, state.generation == manifest.generation {
        buffer = known
      } else {
        let catalog = LiveCatalog(schema: manifest.schema, committed: base.dictionaries)
        buffer = WriteBuffer(catalog: catalog, files: files, manifest: manifest)
        state = State(
          generation: manifest.generation, buffer: buffer, nextLSN: manifest.appliedLSN + 1)
      }
      let recovery = LogRecovery(
        at: LogPlace(files.layout, fileSystem: files.fileSystem, storeID: manifest.storeID),
        newestNumber: manifest.logNumber, isWriterActive: true)
      var nextLSN = state.nextLSN
      defer { state.nextLSN = nextLSN }
      _ = try recovery.recover(above: nextLSN - 1) { (record) throws(TallyError) in
        try buffer.replay(record, key: Fingerprinter(manifest.storeID)) { base }
        nextLSN = record.lsn + 1
      }
      return try buffer.snapshot { () throws(TallyError) in base }
    }
  }
}

extension WriteBuffer {
  /// Applies a record of the log.
  ///
  /// - Parameter committed: reads the committed state; nil once the store is closed.
  /// - Throws: `corruption`, `version`, `io`, `resourceExhausted`.
  func replay(
    _ record: LogRecord, key: Fingerprinter, committed: () -> StoreSnapshot?
  ) throws(TallyError) {
    let decoded = try EventBatchCodec(decoding: record.payload, lsn: record.lsn)
    let prepared = try IngestBatch(
      decoded.batch, catalog: catalog,
      producer: decoded.producer.isEmpty ? nil : decoded.producer, sequence: decoded.sequence,
      ingestedAtMicroseconds: decoded.ingestedAtMicroseconds, key: key)
    if let snapshot = committed() { try prepared.findMatches(in: snapshot) }
    apply(prepared, lsn: record.lsn, committed: committed)
  }
}
