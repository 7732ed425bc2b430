import Synchronization
package import TallyBase
import TallyFile

/// Writes any number of rows, in any order, straight into segments within a memory budget and
/// makes them visible by one commit.
///
/// Rows gather per day in memory. When the budget is used up, days that the input has moved past
/// are sorted, encoded and written as temporary segments; at the commit, days that were written
/// more than once are merged. So ordered input is written once, and input in any order ends as
/// few sorted segments.
package final class BulkImport: Sendable {
  package struct Options: Sendable {
    /// Bytes of memory the import may use for rows, sorting and encoding together.
    package var memoryByteCountMax = 256 << 20
    /// Threads used to sort and encode.
    package var threadCount = 2
    /// Most rows of a segment; a day with more is cut into several.
    package var segmentRowCountMax = 16 * SegmentReader.rowGroupRowCount
    /// Most distinct values of one symbol column.
    package var dictionaryEntryCountMax = Schema.dictionaryEntryCountMax
    /// `ingested_at` of rows that bring none, in microseconds; nil: the time of `beginImport`.
    package var ingestedAtMicroseconds: Int64?

    package init() {}
  }

  package struct Summary: Hashable, Sendable {
    /// Rows whose event was not in the store: it has as many more now.
    package var rowCount: Int
    /// Rows whose event was there already, in the store or earlier in the import. Of the two, the
    /// one with more tokens stayed, the later one if they had as many.
    package var duplicateCount = 0
    package var segmentCount: Int
    package var byteCount: Int64
    package var generation: UInt64

    package init(rowCount: Int, segmentCount: Int, byteCount: Int64, generation: UInt64) {
      self.rowCount = rowCount
      self.segmentCount = segmentCount
      self.byteCount = byteCount
      self.generation = generation
    }
  }

  let store: Store
  let options: Options
  let pool: WorkerPool
  private let startTime: Int64
  private var ingestedAt: MissingValue { .value(startTime) }
  private let state: Mutex<State>

  /// Guarded by `state`: `open` -> `finished` by commit or abort, or `failed` by an error after
  /// which rows may be missing.
  private struct State: ~Copyable {
    var phase = Phase.open
    var rows: ImportRows
    /// What has been written, by day, in order of arrival.
    var runs: [Day: [SortedRun]] = [:]
  }

  private enum Phase {
    case open
    case failed(TallyError)
    case finished
  }

  init(store: Store, catalog: LiveCatalog, options: Options) {
    self.store = store
    self.options = options
    pool = WorkerPool(threadCount: options.threadCount)
    startTime = options.ingestedAtMicroseconds ?? WallClock.nowMicroseconds()
    state = Mutex(
      State(rows: ImportRows(catalog: catalog, startTime: startTime, isNumbering: true)))
  }

  deinit { abort() }

  /// Rows held before a run is written: the rest of the budget is for putting rows in order.
  private var rowByteCountMax: Int { options.memoryByteCountMax / 8 * 5 }

  /// Takes rows. Unknown columns are added to the schema with the type they have here. A row's
  /// `time` must not be NULL and must lie in the years 1970...2261.
  /// Sets `ingested_at` where the batch has none.
  ///
  /// - Throws: `invalidInput` if the batch is not well formed or a column's type differs from the
  ///   schema's, `resourceExhausted` at a limit of columns or dictionary entries (either way
  ///   nothing of the batch is taken); `io`, `corruption`, and `diskFull` if less is free than
  ///   the store's minimum, after which only `abort` remains.
  package func add(_ batch: EventBatch) throws(TallyError) {
    guard batch.rowCount > 0 else { return }
    let times = try BatchCheck.check(batch)
    try access { [options, startTime, store] state throws(TallyError) in
      try store.freeSpace.check(taking: batch.byteCount)
      let columns = try state.rows.catalog.resolve(
        batch, entryCountMax: options.dictionaryEntryCountMax)
      state.rows.append(batch, times: times, columns: columns, ingestedAt: startTime)
      guard state.rows.byteCount > rowByteCountMax else { return }
      try spill(&state, byteCountKept: rowByteCountMax / 2)
    }
  }

  /// Merges runs, writes what is left and commits the manifest. Nothing is visible before.
  ///
  /// - Throws: `io`, `corruption`; the store is as before, unless the error says that the outcome
  ///   is unknown.
  package func commit() throws(TallyError) -> Summary {
    let summary = try access { state throws(TallyError) in
      try spill(&state, byteCountKept: 0)
      let work = ImportCommit(
        self, schema: state.rows.catalog.schema, rowByteCount: state.rows.rowByteCount)
      let runs = state.runs
      state.runs = [:]
      return try work.run(runs)
    }
    finish()
    return summary
  }

  /// Removes what was written; the store is as before.
  package func abort() {
    let runs = state.withLock { state in
      let runs = state.runs
      state.runs = [:]
      return runs
    }
    for run in runs.values.joined() { runWriter(.standard).remove(run) }
    finish()
  }

  private func finish() {
    let wasOpen = state.withLock { state in
      if case .finished = state.phase { return false }
      state.phase = .finished
      _ = state.rows.takeDays(byteCountKept: -1)
      return true
    }
    if wasOpen { store.endImport() }
  }

  /// Writes days until at most `byteCountKept` bytes of rows stay in memory.
  private func spill(_ state: inout State, byteCountKept: Int) throws(TallyError) {
    let buffers = state.rows.takeDays(byteCountKept: byteCountKept)
    let writer = runWriter(state.rows.catalog.schema)
    let written = Mutex<[(Int, SortedRun)]>([])
    let result: Result<Void, TallyError>
    do throws(TallyError) {
      try pool.run(count: buffers.count) { [ingestedAt = ingestedAt] (task, _) throws(TallyError) in
        let run = try writer.write(buffers[task], ingestedAt: ingestedAt)
        written.withLock { $0.append((task, run)) }
      }
      result = .success(())
    } catch {
      result = .failure(error)
    }
    for (task, run) in written.withLock({ $0 }) {
      state.runs[buffers[task].day, default: []].append(run)
    }
    try result.get()
  }

  func runWriter(_ schema: Schema) -> RunWriter {
    RunWriter(
      schema: schema, files: store.segmentFiles, segmentOptions: store.options.segment,
      ids: store.segmentIDs, segmentRowCountMax: max(1, options.segmentRowCountMax))
  }

  /// Runs `body` with the state while the import is open. An error that may have lost rows ends
  /// the import.
  private func access<Value>(
    _ body: (inout State) throws(TallyError) -> Value
  ) throws(TallyError) -> Value {
    try state.withLock { (state) throws(TallyError) in
      switch state.phase {
      case .open: break
      case .failed(let error): throw error
      case .finished: throw TallyError(.invalidArgument, "the import has ended")
      }
      do throws(TallyError) {
        return try body(&state)
      } catch {
        if error.code != .invalidInput, error.code != .resourceExhausted {
          state.phase = .failed(error)
        }
        throw error
      }
    }
  }
}
