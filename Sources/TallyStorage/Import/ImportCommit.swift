import Synchronization
import TallyBase

/// The steps from an import's sorted runs to its commit: days that were written more than once
/// are merged, then all segments are published.
struct ImportCommit {
  private let bulk: BulkImport
  private let rowByteCount: Int
  private let writer: RunWriter

  init(_ bulk: BulkImport, schema: Schema, rowByteCount: Int) {
    self.bulk = bulk
    self.rowByteCount = rowByteCount
    writer = bulk.runWriter(schema)
  }

  /// - Parameter runs: everything the import wrote, by day; gone when this throws.
  func run(_ runs: [Day: [SortedRun]]) throws(TallyError) -> BulkImport.Summary {
    guard !runs.isEmpty else {
      return BulkImport.Summary(
        rowCount: 0, segmentCount: 0, byteCount: 0,
        generation: try bulk.store.committedSnapshot().generation)
    }
    let live = LiveRuns(runs)
    do throws(TallyError) {
      try merge(live)
      let summary = try publish(live)
      for run in live.all { writer.removeArrivals(of: run) }
      return summary
    } catch {
      removeAll(live)
      throw error
    }
  }

  private func publish(_ live: LiveRuns) throws(TallyError) -> BulkImport.Summary {
    let segments = live.all.flatMap(\.segments)
    let rowCount = segments.reduce(0) { $0 + $1.rowCount }
    var duplicates = ImportDuplicates(
      bulk, segments: segments,
      arrivals: live.all.reduce(into: [:]) { $0.merge($1.arrivals) { _, new in new } })
    try duplicates.prepare()
    var verdict = DuplicateVerdict()
    let joined = try bulk.store.publishImport(
      segments, threadCount: bulk.options.threadCount <= 1 ? 1 : 8
    ) { manifest throws(TallyError) in
      verdict = try duplicates.verdict()
      var edit = ManifestEdit()
      var counters = manifest.counters
      counters.acceptedCount &+= UInt64(max(0, rowCount - verdict.duplicateCount))
      counters.duplicateCount &+= UInt64(verdict.duplicateCount)
      edit.counters = counters
      for (id, dead) in verdict.dead {
        var rows = manifest.deletedRows[id] ?? DeletedRows(rowCount: dead.rowCount)
        rows.formUnion(dead)
        edit.deletedRows[id] = rows
      }
      return edit
    }
    // A replay of the log would take buffered rows for the later ones. Should this fail, one row
    // of each event stays all the same.
    if joined.duplicateCount > 0 { try? bulk.store.flush() }
    let duplicateCount = verdict.duplicateCount + joined.duplicateCount
    var summary = BulkImport.Summary(
      rowCount: rowCount - duplicateCount, segmentCount: segments.count,
      byteCount: segments.reduce(0) { $0 + $1.byteCount },
      generation: joined.snapshot.generation)
    summary.duplicateCount = duplicateCount
    return summary
  }

  // MARK: Merging

  /// The runs that exist on disk while days are merged on several threads.
  private final class LiveRuns: Sendable {
    private let runs: Mutex<[Day: [SortedRun]]>

    init(_ runs: [Day: [SortedRun]]) { self.runs = Mutex(runs) }

    subscript(day: Day) -> [SortedRun] {
      get { runs.withLock { $0[day] ?? [] } }
      set { runs.withLock { $0[day] = newValue } }
    }

    var days: [Day] { runs.withLock { $0.keys.sorted() } }

    func set(_ day: Day, _ value: [SortedRun]) { runs.withLock { $0[day] = value } }

    /// Ascending by day, each day's in their order.
    var all: [SortedRun] { days.flatMap { self[$0] } }
  }

  /// Leaves one run a day. Days that fit into a thread's share of memory are merged side by side,
  /// larger ones after each other.
  private func merge(_ live: LiveRuns) throws(TallyError) {
    let days = live.days.filter { live[$0].count > 1 }
    let budget = max(1, bulk.options.memoryByteCountMax / 8 * 5)
    let share = budget / bulk.pool.threadCount
    let large = days.filter { day in
      live[day].reduce(0) { $0 + $1.rowCount } * rowByteCount > share
    }
    let small = days.filter { !large.contains($0) }
    let merger = RunMerger(
      writer: writer, pieceRowCountMax: max(RunMerger.pieceRowCountMin, budget / rowByteCount))
    try bulk.pool.run(count: small.count) { (task, _) throws(TallyError) in
      live.set(small[task], [try merger.merge(live[small[task]], day: small[task])])
    }
    for day in large { live.set(day, [try merger.merge(live[day], day: day)]) }
  }

  /// Removes the import's files that have not been published.
  private func removeAll(_ live: LiveRuns) {
    for day in live.days {
      for run in live[day] { writer.remove(run) }
    }
  }
}
