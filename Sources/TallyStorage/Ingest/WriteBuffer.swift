import Synchronization
import TallyBase
import TallyFile

/// Acknowledged events that are in no segment yet, column by column, visible to queries.
///
/// Two generations: one takes rows, the one before is being flushed. Batches are applied in the
/// order of the log, so that a generation's rows are those of a range of records.
final class WriteBuffer: Sendable {
  let catalog: LiveCatalog
  private let files: SegmentFiles
  let state: Mutex<State>
  /// Held by the one query that makes a view; the others wait for it.
  private let viewing = Mutex(())
  struct State: ~Copyable {
    var active: BufferGeneration
    var frozen: BufferGeneration?
    /// Of all batches applied: those in segments and those here.
    var producers: [String: ProducerMark]
    let erasedProducer: ErasedProducer
    /// Grows with each change that queries can see.
    var version: UInt64 = 0
    var view: (version: UInt64, base: UInt64, snapshot: StoreSnapshot)?
  }

  init(catalog: LiveCatalog, files: SegmentFiles, manifest: Manifest) {
    self.catalog = catalog
    self.files = files
    state = Mutex(
      State(
        active: BufferGeneration(catalog: catalog), producers: manifest.producers,
        erasedProducer: ErasedProducer(Fingerprinter(manifest.storeID))))
  }

  // MARK: Taking rows

  /// Takes a batch; called in the order of the log.
  ///
  /// - Parameters:
  ///   - lsn: the batch's record; nil if it was not logged.
  ///   - committed: reads the committed state; nil once the store is closed.
  func apply(_ batch: IngestBatch, lsn: UInt64?, committed: () -> StoreSnapshot?) {
    state.withLock { state in
      settle(&state)
      let generation = state.active
      if let lsn { generation.include(lsn: lsn) } else { generation.hasUnloggedRows = true }
      if generation.startNanoseconds == nil {
        generation.startNanoseconds = SteadyClock.nowNanoseconds()
      }
      batch.receipt.lsn = lsn
      if let producer = batch.producer.map({ state.knownName(of: $0) }) {
        if state.producers[producer]?.contains(batch.sequence) == true {
          batch.receipt.isReplay = true
          return
        }
        state.note(batch, of: producer)
      }
      let matches = batch.keys.isEmpty ? [:] : batch.matches(in: committed)
      let split = generation.rows.append(
        batch.batch, times: batch.times, columns: batch.columns,
        ingestedAt: batch.ingestedAtMicroseconds)
      batch.receipt.acceptedCount = batch.batch.rowCount
      if !batch.keys.isEmpty {
        let starts = split.days.enumerated().map { index, day in
          (generation.rows.days[day]?.rowCount ?? 0)
            - split.selection(index).count(of: batch.batch.rowCount)
        }
        state.settleDuplicates(of: batch, split: split, starts: starts, matches: matches)
      }
      generation.counters.acceptedCount &+= UInt64(batch.receipt.acceptedCount)
      generation.counters.duplicateCount &+= UInt64(batch.receipt.duplicateCount)
      state.version &+= 1
    }
  }

  /// Counts rows that could not be taken.
  func reject(_ count: Int) {
    state.withLock { $0.active.counters.rejectedCount &+= UInt64(count) }
  }

  /// Memory of rows, those being flushed included.
  var byteCount: Int {
    state.withLock { $0.active.byteCount + ($0.frozen?.byteCount ?? 0) }
  }

  /// Memory of rows that no flush has begun to write, and how long the oldest have waited.
  var pending: (byteCount: Int, isEmpty: Bool, ageNanoseconds: UInt64) {
    state.withLock { state in
      let start = state.active.startNanoseconds
      let age = start.map { SteadyClock.nowNanoseconds() &- $0 } ?? 0
      return (state.active.byteCount, state.active.isEmpty, age)
    }
  }

  // MARK: Flushing

  /// Starts a new generation; nil if there is nothing to flush. The one before must be published.
  func freeze() -> BufferGeneration? {
    state.withLock { state in
      settle(&state)
      if let frozen = state.frozen { return frozen }
      guard !state.active.isEmpty else { return nil }
      let frozen = state.active
      for day in frozen.rows.days.values { day.complete() }
      frozen.deadWhenFrozen = frozen.dead
      state.frozen = frozen
      state.active = BufferGeneration(catalog: catalog)
      return frozen
    }
  }

  /// Rows of a frozen generation that are dead now. Those that die later are found in the
  /// deletions of the next.
  func deadRows(of generation: BufferGeneration) -> [Day: Set<UInt32>] {
    state.withLock { _ in generation.deadWhenFrozen }
  }

  /// Rows of committed segments that a frozen generation's rows have replaced.
  func committedDeletions(of generation: BufferGeneration) -> [UInt64: Set<Int>] {
    state.withLock { _ in generation.committedDeletions }
  }

  /// Forgets a generation that is in segments.
  func settle() { state.withLock { settle(&$0) } }

  /// Forgets a frozen generation whose commit has been seen: from then on its rows are found in
  /// segments, those included that died since by rows of the next generation.
  private func settle(_ state: inout State) {
    guard let frozen = state.frozen, frozen.isPublished.load(ordering: .acquiring) else { return }
    for (day, rows) in state.active.earlierDeletions {
      for place in frozen.place(of: rows, day: day) {
        state.active.committedDeletions[place.segmentID, default: []].insert(place.row)
      }
    }
    state.active.earlierDeletions = [:]
    state.frozen = nil
    state.version &+= 1
  }

  /// Runs `commit`, after which rows of committed segments are where `moves` says, and translates
  /// the deletions kept here. To everyone else both happen at once.
  ///
  /// Called with the store's publishing lock held, which comes before the buffer's own.
  ///
  /// - Parameters:
  ///   - moves: by id of a segment that `commit` removes.
  ///   - settled: segments of which no row may have died by rows that are here.
  /// - Throws: what `commit` throws; then nothing has moved. `resourceExhausted` if rows of
  ///   `settled` have died.
  func rowsMoved(
    _ moves: [UInt64: RowMove], settled: Set<UInt64> = [],
    commit: () throws(TallyError) -> StoreSnapshot
  ) throws(TallyError) -> StoreSnapshot {
    try state.withLock { (state) throws(TallyError) in
      settle(&state)
      if state.hasDeletions(of: settled) {
        throw TallyError(
          .resourceExhausted, "rows of a segment are being replaced by events in the buffer",
          hint: "try again")
      }
      let snapshot = try commit()
      for generation in [state.frozen, state.active] {
        guard let generation else { continue }
        generation.committedDeletions = RowMove.translate(
          generation.committedDeletions, by: moves)
      }
      state.version &+= 1
      return snapshot
    }
  }

  /// Runs `body` with the buffer's lock held and no trace of a generation that is in segments.
  func exclusively<Result>(
    _ body: (inout State) throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    try state.withLock { (state) throws(TallyError) in
      settle(&state)
      let result = try body(&state)
      state.version &+= 1
      return result
    }
  }

  // MARK: Queries

  /// The committed rows and those in the buffer, as of one moment.
  ///
  /// - Parameter committed: reads the committed state; called with the buffer's lock held.
  /// - Throws: `io`, `corruption`, `internal`.
  /// - Complexity: amortised O(rows that came since the last call), which are sorted with the lock
  ///   held. Their columns are made by the queries that read them.
  func snapshot(
    _ committed: () throws(TallyError) -> StoreSnapshot
  ) throws(TallyError) -> StoreSnapshot {
    try viewing.withLock { (_) throws(TallyError) in
      let capture = try state.withLock { (state) throws(TallyError) -> BufferCapture? in
        let base = try base(&state, committed)
        if state.view?.version == state.version, state.view?.base == base.generation { return nil }
        return BufferCapture(state, base: base, files: files, schema: catalog.schema)
      }
      guard let capture else {
        if let known = state.withLock({ $0.view?.snapshot }) { return known }
        return try committed()
      }
      let (schema, tables) = catalog.snapshot()
      let snapshot = capture.combined(schema: schema, tables: tables)
      state.withLock {
        $0.view = (capture.version, capture.base.generation, snapshot)
      }
      return snapshot
    }
  }
}

extension WriteBuffer {
  /// The committed state, with no trace here of a generation that it has in segments.
  ///
  /// - Throws: what `committed` throws.
  private func base(
    _ state: inout State, _ committed: () throws(TallyError) -> StoreSnapshot
  ) throws(TallyError) -> StoreSnapshot {
    while true {
      settle(&state)
      let base = try committed()
      // A commit that came in between may have the generation's rows in `base`, where they would
      // be a second time. It says so before its state can be read.
      guard let frozen = state.frozen, frozen.isPublished.load(ordering: .acquiring) else {
        return base
      }
    }
  }
}

extension WriteBuffer.State {
  /// Whether rows of committed segments have died by rows that are in none.
  fileprivate func hasDeletions(of segments: Set<UInt64>) -> Bool {
    guard !segments.isEmpty else { return false }
    return [frozen, active].contains { generation in
      generation?.committedDeletions.contains { segments.contains($0.key) && !$0.value.isEmpty }
        ?? false
    }
  }

  /// Remembers that a producer's batch is here.
  fileprivate mutating func note(_ batch: IngestBatch, of producer: String) {
    var mark =
      producers[producer]
      ?? ProducerMark(
        sequence: batch.sequence, timeMicroseconds: batch.ingestedAtMicroseconds)
    mark.insert(batch.sequence, timeMicroseconds: batch.ingestedAtMicroseconds)
    producers[producer] = mark
    active.producers[producer] = mark
  }
}
