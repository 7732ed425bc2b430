import Synchronization
package import TallyBase
import TallyFile

extension Store {
  /// Writes all buffered rows as segments and commits them. Appends and queries go on meanwhile.
  ///
  /// - Throws: `io`, `diskFull`, `corruption`; the rows stay in the buffer and in the log.
  package func flush() throws(TallyError) {
    guard let buffer else { throw Store.notWritable() }
    try flushing.withLock { (_) throws(TallyError) in
      // The rows that an earlier flush could not write come first.
      while let generation = buffer.freeze() {
        let isRetry = generation.isRetry
        do throws(TallyError) {
          try publish(generation, of: buffer)
        } catch {
          // The reserve has made room by now.
          guard error.code == .diskFull, !isCommitInDoubt else { throw error }
          try publish(generation, of: buffer)
        }
        buffer.settle()
        if !isRetry { break }
      }
    }
    let current = log.withLock { $0 }
    current?.retire(upTo: try committedManifest().appliedLSN)
    reserve.restore()
    freeSpace.forget()
  }

  private func publish(
    _ generation: BufferGeneration, of buffer: WriteBuffer
  ) throws(TallyError) {
    let dead = buffer.deadRows(of: generation)
    let writer = RunWriter(
      schema: schema(for: generation), files: committingFiles, segmentOptions: options.segment,
      ids: segmentIDs, segmentRowCountMax: 16 * SegmentReader.rowGroupRowCount)
    generation.isRetry = true
    var written: [Day: BufferGeneration.WrittenDay] = [:]
    do throws(TallyError) {
      for (day, rows) in generation.rows.days.sorted(by: { $0.key < $1.key }) {
        let (order, keys) = rows.sortedRows(0..<rows.rowCount, excluding: dead[day] ?? [])
        guard !order.isEmpty else { continue }
        var run = try writer.write(rows, order: order, keys: keys)
        if !generation.hasUnloggedRows, run.segments.count == 1 {
          run.segments[0].logRange = generation.logRange
        }
        written[day] = BufferGeneration.WrittenDay(run: run, order: order)
      }
      generation.written = written
      let segments = written.keys.sorted().flatMap { written[$0]?.run.segments ?? [] }
      try publish(
        segments, threadCount: options.isFlushingInBackground ? 8 : 1,
        onCommit: { generation.isPublished.store(true, ordering: .releasing) },
        edit: { manifest throws(TallyError) in self.edit(for: generation, of: buffer, manifest) })
    } catch {
      if !isCommitInDoubt { for day in written.values { writer.remove(day.run) } }
      throw error
    }
  }

  private func schema(for generation: BufferGeneration) -> Schema {
    generation.rows.catalog.schema
  }

  private func edit(
    for generation: BufferGeneration, of buffer: WriteBuffer, _ manifest: Manifest
  ) -> ManifestEdit {
    var edit = ManifestEdit()
    edit.appliedLSN = generation.logRange?.upperBound
    edit.producers = generation.producers
    let oldest = WallClock.nowMicroseconds() &- options.producerSeconds &* 1_000_000
    edit.producersRemoved = manifest.producers.filter {
      $0.value.timeMicroseconds < oldest && generation.producers[$0.key] == nil
    }.map(\.key)
    var counters = manifest.counters
    counters += generation.counters
    edit.counters = counters
    let deletions = buffer.committedDeletions(of: generation)
    for info in manifest.segments.having(ids: deletions.keys) {
      guard let rows = deletions[info.id] else { continue }
      var deleted = manifest.deletedRows[info.id] ?? DeletedRows(rowCount: info.rowCount)
      for row in rows where row < info.rowCount { deleted.insert(row) }
      edit.deletedRows[info.id] = deleted
    }
    return edit
  }

  // MARK: Background

  /// Starts the thread that flushes rows which are many or have waited long.
  func startFlusher() {
    guard options.isFlushingInBackground else { return }
    flusher.withLock { thread in
      guard thread == nil else { return }
      let period = UInt64(max(1, options.flushIntervalSeconds)) * 1_000_000_000 / 4
      thread = BackgroundThread(periodNanoseconds: period) { [weak self] in
        self?.flushIfDue()
      }
    }
  }

  private func flushIfDue() {
    guard let pending = buffer?.pending, !pending.isEmpty else { return }
    let age = UInt64(max(0, options.flushIntervalSeconds)) * 1_000_000_000
    guard pending.byteCount > options.bufferByteCountMax / 2 || pending.ageNanoseconds >= age
    else { return }
    // What fails is tried again, and reported to whoever flushes or closes.
    try? flush()
  }

  // MARK: Recovery

  /// Puts the log's rows that are in no segment yet into the buffer.
  ///
  /// - Throws: `corruption` if acknowledged rows are lost, `version`, `io`.
  func recoverLog() throws(TallyError) {
    guard let buffer else { return }
    let manifest = try committedManifest()
    let recovery = LogRecovery(
      at: LogPlace(layout, fileSystem: fileSystem, storeID: manifest.storeID),
      newestNumber: manifest.logNumber)
    let position = try recovery.recover(above: manifest.appliedLSN) {
      (record) throws(TallyError) in
      try buffer.replay(record, key: fingerprinter) { try? committedSnapshot() }
      if buffer.byteCount > options.bufferByteCountMax { try flush() }
    }
    logPosition.withLock { $0 = position }
  }
}
