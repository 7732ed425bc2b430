import Synchronization
package import TallyBase
import TallyFile

extension Store {
  /// Runs long work on segments: compaction, retention, erasure, repair. One at a time; appends,
  /// flushes and queries go on meanwhile. Removes garbage afterwards.
  ///
  /// Must not be called from `body`.
  package func maintaining<Result>(
    _ body: () throws(TallyError) -> Result
  ) throws(TallyError) -> Result {
    guard mode != .readOnly else { throw Store.notWritable() }
    defer { collectGarbage() }
    return try maintenance.running.withLock { (_) throws(TallyError) in try body() }
  }

  /// Merges the segments of each day as far as possible, leaving out dead rows. Buffered rows are
  /// flushed first.
  ///
  /// - Parameters:
  ///   - days: nil: all.
  ///   - threadCount: days done side by side, each with `options.compaction.memoryByteCountMax`.
  ///   - report: called for each day that had something to do, one at a time, in no order.
  /// - Throws: `io`, `diskFull`, `corruption`, `version`, `cancelled`; the days done so far stay
  ///   done.
  package func compact(
    days: Set<Day>? = nil, threadCount: Int = 1,
    cancellation: CancellationToken = CancellationToken(),
    report: @escaping @Sendable (CompactedDay) -> Void = { _ in }
  ) throws(TallyError) {
    try flush()
    try maintaining { () throws(TallyError) in
      let manifest = try committedManifest()
      let all = Set(manifest.segments.map(\.day)).sorted()
      let chosen = all.filter { days?.contains($0) ?? true }
      let compactor = Compactor(
        store: self, options: options.compaction, cancellation: cancellation)
      let maintenance = maintenance
      let reporting = Mutex(())
      try WorkerPool(threadCount: max(1, min(threadCount, chosen.count))).run(
        count: chosen.count
      ) { (task, _) throws(TallyError) in
        try cancellation.check()
        guard let day = try compactor.compact(chosen[task]) else { return }
        maintenance.note(rewrittenRowCount: day.rewrittenRowCount)
        reporting.withLock { _ in report(day) }
      }
    }
  }

  /// Marks rows of committed segments dead, in one commit.
  ///
  /// - Parameter rows: by segment id. Segments that are gone by then are left out: run this with
  ///   `maintaining` where that must not be.
  /// - Throws: `io`, `diskFull`; `internal` if a set of rows is not of its segment.
  package func deleteRows(_ rows: [UInt64: DeletedRows]) throws(TallyError) {
    try publish([]) { manifest throws(TallyError) in
      var edit = ManifestEdit()
      for segment in manifest.segments {
        guard let dead = rows[segment.id], !dead.isEmpty else { continue }
        guard dead.rowCount == segment.rowCount else {
          throw TallyError(
            .internal,
            "rows of segment \(segment.id) were chosen out of \(dead.rowCount), it has "
              + "\(segment.rowCount)")
        }
        var all = manifest.deletedRows[segment.id] ?? DeletedRows(rowCount: segment.rowCount)
        all.formUnion(dead)
        edit.deletedRows[segment.id] = all
      }
      return edit
    }
  }

  /// Removes files of segments and dictionaries that nobody needs any more.
  ///
  /// - Returns: the number of files that went.
  @discardableResult
  package func collectGarbage() -> Int {
    guard mode != .readOnly else { return 0 }
    return maintenance.garbage.collect { body in
      publishing.withLock { durablePartitions in
        // Those that become empty go.
        durablePartitions = []
        body()
      }
    }
  }

  /// Files that wait until nobody needs them.
  package var garbageCount: Int { maintenance.garbage.count }

  /// Why the last work in the background failed; nil if it did not.
  package var maintenanceFailure: TallyError? { maintenance.failure }

  /// Rows that compaction has written since the store was opened.
  package var rewrittenRowCount: Int { maintenance.rewrittenRowCount }

  // MARK: Background

  /// Takes over an earlier writer's garbage; starts the thread if the options ask for it.
  func startMaintenance() {
    guard mode != .readOnly, let manifest = try? committedManifest() else { return }
    maintenance.garbage.recover(manifest)
    collectGarbage()
    guard options.isCompacting else { return }
    let period = UInt64(max(1, options.compaction.periodSeconds)) * 1_000_000_000
    _ = maintenance.firstNewID(manifest)
    maintenance.thread.withLock { thread in
      thread = BackgroundThread(periodNanoseconds: period) { [weak self] in
        self?.maintainInBackground()
      }
    }
  }

  /// Ends the thread and waits for work under way, which is cancelled if it is the thread's.
  func stopMaintenance() {
    maintenance.cancellation.cancel()
    let thread = maintenance.thread.withLock { thread -> BackgroundThread? in
      defer { thread = nil }
      return thread
    }
    thread?.stop()
    maintenance.running.withLock { _ in }
  }

  /// Has the background thread look for work soon.
  func wakeMaintenance() { maintenance.thread.withLock { $0?.wake() } }

  /// Works until there is nothing to do. What fails is remembered and tried again later.
  private func maintainInBackground() {
    let token = maintenance.cancellation
    // On a full disk there is no room for what would be merged.
    while !token.isCancelled, !freeSpace.isLow, (try? maintaining { compactOnce() }) == true {}
  }

  /// Does one step of what the background thread does, if there is any that pays. Run with
  /// `maintaining`.
  ///
  /// - Returns: whether there may be more to do. What failed is in `maintenanceFailure`.
  package func compactOnce() -> Bool {
    let compactor = Compactor(
      store: self, options: options.compaction, cancellation: maintenance.cancellation)
    do throws(TallyError) {
      let manifest = try committedManifest()
      for (day, isQuiet) in quietDays(manifest).sorted(by: { $0.key > $1.key }) {
        let count = try compactor.step(
          day, isBusy: !isQuiet, extent: .tiered, excluding: maintenance.unreadableSegments)
        guard let count else { continue }
        maintenance.note(rewrittenRowCount: count)
        _ = quietDays(try committedManifest(), isOwn: day)
        return true
      }
    } catch {
      let ids = error.code == .corruption ? segmentIDs(namedBy: error) : []
      if error.code != .cancelled { maintenance.note(error, unreadable: ids) }
    }
    return false
  }

  /// The days that have more than one segment or dead rows, and whether rows came recently.
  ///
  /// - Parameter own: a day whose newest segment compaction has just written.
  private func quietDays(_ manifest: Manifest, isOwn own: Day? = nil) -> [Day: Bool] {
    let now = SteadyClock.nowNanoseconds()
    let firstNewID = maintenance.firstNewID(manifest)
    if let own, let newest = manifest.segments.of(own).last {
      _ = maintenance.quietNanoseconds([own: newest.id], now: now, isOwn: true)
      return [:]
    }
    // Most days of a large store have one segment, and have had it for long: they cost no more
    // than being stepped over.
    var newest: [Day: UInt64] = [:]
    var hasWork: Set<Day> = []
    let segments = manifest.segments
    var start = 0
    while start < segments.count {
      let (day, first) = (segments[start].day, segments[start].id)
      var end = start + 1
      while end < segments.count, segments[end].day == day { end += 1 }
      let isWork = end - start > 1 || manifest.deletedRows[first] != nil
      if isWork { hasWork.insert(day) }
      if isWork || segments[end - 1].id >= firstNewID { newest[day] = segments[end - 1].id }
      start = end
    }
    let limit = UInt64(max(0, options.compaction.quietSeconds)) * 1_000_000_000
    let quiet = maintenance.quietNanoseconds(newest, now: now)
    return quiet.filter { hasWork.contains($0.key) }.mapValues { $0 >= limit }
  }

  private func segmentIDs(namedBy error: TallyError) -> [UInt64] {
    guard let name = error.path?.split(separator: "/").last,
      let id = StoreLayout.segmentID(name: String(name))
    else { return [] }
    return [id]
  }

  // MARK: Leases

  /// Moves a reader's lease up to the oldest generation it still looks at.
  func renewLease() {
    let registry = segmentFiles.registry
    guard let held = registry.leasedGeneration, let oldest = registry.oldestGeneration,
      oldest > held
    else { return }
    // The old lease is held until the new one is: no file of `oldest` goes in between.
    if let lease = Lease.take(oldest, layout: layout, fileSystem: fileSystem) {
      registry.hold(lease)
    }
  }
}
