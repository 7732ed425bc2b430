package import TallyBase
import TallyFile

extension Store {
  /// Lets go of what `policy` does not keep. Doing it again changes nothing. Buffered rows are
  /// flushed first; appends and queries go on meanwhile.
  ///
  /// Whole days go by one commit; columns and totals by one commit a day.
  ///
  /// - Parameters:
  ///   - now: in microseconds since 1970; nil: the clock's time.
  ///   - isDryRun: whether only to find out what would go. The bytes of totals are then exact,
  ///     those of columns an estimate.
  /// - Throws: `invalidArgument`; `io`, `diskFull`, `corruption`, `cancelled`: what was done so
  ///   far stays done, each day as before or after.
  package func retain(
    _ policy: RetentionPolicy, now: Int64? = nil, isDryRun: Bool = false,
    cancellation: CancellationToken = CancellationToken()
  ) throws(TallyError) -> RetentionReport {
    guard mode != .readOnly else { throw Store.notWritable() }
    try policy.check(try schema)
    try flush()
    return try maintaining { () throws(TallyError) in
      var retainer = Retainer(
        store: self, policy: policy, now: now ?? WallClock.nowMicroseconds(),
        isDryRun: isDryRun, cancellation: cancellation)
      return try retainer.run()
    }
  }
}

/// The steps of one run of retention. Run with the store's maintenance lock held.
struct Retainer {
  let store: Store
  let policy: RetentionPolicy
  let now: Int64
  let isDryRun: Bool
  let cancellation: CancellationToken
  private var report = RetentionReport()
  /// Segments that a dry run takes for gone.
  private var gone: Set<UInt64> = []

  init(
    store: Store, policy: RetentionPolicy, now: Int64, isDryRun: Bool,
    cancellation: CancellationToken
  ) {
    self.store = store
    self.policy = policy
    self.now = now
    self.isDryRun = isDryRun
    self.cancellation = cancellation
  }

  mutating func run() throws(TallyError) -> RetentionReport {
    report.before = try store.committedManifest().retentionExtent
    report.after = report.before
    if let count = [policy.dayCount, policy.totalDayCount].compactMap({ $0 }).min() {
      try dropDays(before: RetentionPolicy.firstKept(count, now: now))
    }
    if let count = policy.rowDayCount {
      try makeTotals(before: RetentionPolicy.firstKept(count, now: now))
    }
    if let count = policy.columnDayCount {
      try dropColumns(before: RetentionPolicy.firstKept(count, now: now))
    }
    if !isDryRun { report.after = try store.committedManifest().retentionExtent }
    return report
  }

  private mutating func note(_ step: RetentionReport.Step, rowsLess: Int, daysLess: Int = 0) {
    report.steps.append(step)
    guard isDryRun else { return }
    report.after.dayCount -= daysLess
    report.after.rowCount -= rowsLess
    report.after.byteCount -= step.byteCount
  }

  // MARK: Days

  private mutating func dropDays(before first: Day) throws(TallyError) {
    var dropped: [SegmentInfo] = []
    var rowCount = 0
    let choose = { (manifest: Manifest) in
      dropped = manifest.segments.filter { $0.day < first }
      rowCount = dropped.reduce(0) { $0 + manifest.liveRowCount($1) }
    }
    choose(try store.committedManifest())
    if isDryRun {
      gone = Set(dropped.map(\.id))
    } else if !dropped.isEmpty {
      try store.publish([]) { manifest throws(TallyError) in
        try cancellation.check()
        choose(manifest)
        var edit = ManifestEdit()
        edit.segmentsRemoved = dropped.map(\.id)
        return edit
      }
    }
    var step = RetentionReport.Step(kind: .days)
    step.dayCount = Set(dropped.map(\.day)).count
    step.rowCount = rowCount
    step.byteCount = dropped.reduce(0) { $0 + $1.byteCount }
    note(step, rowsLess: rowCount, daysLess: step.dayCount)
  }

  private func days(before first: Day) throws(TallyError) -> [Day: [SegmentInfo]] {
    let segments = try store.committedManifest().segments.filter {
      $0.day < first && !gone.contains($0.id)
    }
    return Dictionary(grouping: segments, by: \.day)
  }

  // MARK: Columns

  private mutating func dropColumns(before first: Day) throws(TallyError) {
    let manifest = try store.committedManifest()
    let ids = try policy.columnIDs(manifest.schema)
    var step = RetentionReport.Step(kind: .columns)
    for (_, segments) in try days(before: first).sorted(by: { $0.key < $1.key }) {
      try cancellation.check()
      var chosen: [SegmentInfo] = []
      var byteCount = 0
      for segment in segments {
        let footer = try store.segmentFiles.committed(segment).footer()
        let stored = ids.compactMap { footer.column(id: $0) }
        guard !stored.isEmpty else { continue }
        chosen.append(segment)
        byteCount += stored.reduce(0) { $0 + $1.storedByteCount }
      }
      guard !chosen.isEmpty else { continue }
      step.dayCount += 1
      step.rowCount += chosen.reduce(0) { $0 + manifest.liveRowCount($1) }
      guard !isDryRun else {
        step.byteCount += Int64(byteCount)
        continue
      }
      step.byteCount += try rewrite(chosen, without: ids)
    }
    note(step, rowsLess: 0)
  }

  /// - Returns: bytes less than before.
  private func rewrite(
    _ segments: [SegmentInfo], without columns: Set<Int>
  ) throws(TallyError) -> Int64 {
    var changes = RewriteChanges()
    changes.droppedColumns = columns
    let before = try store.committedManifest().retentionExtent.byteCount
    // All at once: a day is seen with its columns or without.
    try store.rewrite(
      segments, options: store.options.compaction, cancellation: cancellation, changes: changes)
    return before - (try store.committedManifest().retentionExtent.byteCount)
  }

  // MARK: Totals

  private mutating func makeTotals(before first: Day) throws(TallyError) {
    var step = RetentionReport.Step(kind: .totals)
    let maker = TotalsMaker(store: store, cancellation: cancellation)
    for (day, segments) in try days(before: first).sorted(by: { $0.key < $1.key }) {
      try cancellation.check()
      if try maker.areTotals(segments) { continue }
      let made = try isDryRun ? maker.estimate(day) : maker.replace(day)
      step.dayCount += 1
      step.rowCount += made.rowCountBefore - made.rowCountAfter
      step.byteCount += made.byteCountBefore - made.byteCountAfter
    }
    note(step, rowsLess: step.rowCount)
  }
}
