import SystemPackage
import TallyBase
import TallyFile

/// Puts totals in the place of a day's rows. Run with the store's maintenance lock held.
struct TotalsMaker {
  let store: Store
  let cancellation: CancellationToken

  /// What became of a day.
  struct Outcome {
    var rowCountBefore = 0
    var rowCountAfter = 0
    var byteCountBefore: Int64 = 0
    var byteCountAfter: Int64 = 0
  }

  /// Rows that replace others may come while totals are made: then they are made again.
  private static let attemptCountMax = 8

  /// Whether a day's segments hold totals only. Told by the manifest for days that have rows, by
  /// the footers for others: the time of totals is the start of their day, and they have no value
  /// in columns that totals do not keep.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  func areTotals(_ segments: [SegmentInfo]) throws(TallyError) -> Bool {
    for segment in segments {
      let start = segment.day.startMicroseconds
      guard segment.timeMinimum == start, segment.timeMaximum == start else { return false }
    }
    let dropped = TotalsColumns(try store.committedManifest().schema).dropped
    for segment in segments {
      let footer = try store.segmentFiles.committed(segment).footer()
      if dropped.contains(where: { footer.column(id: $0) != nil }) { return false }
    }
    return true
  }

  /// What `replace` would do.
  ///
  /// - Throws: `io`, `corruption`, `version`, `cancelled`.
  func estimate(_ day: Day) throws(TallyError) -> Outcome {
    let manifest = try store.committedManifest()
    let inputs = manifest.segments.filter { $0.day == day }
    var outcome = Outcome(inputs, manifest)
    try encode(inputs, manifest) { (bytes, rowCount) throws(TallyError) in
      outcome.rowCountAfter += rowCount
      outcome.byteCountAfter += Int64(bytes.count)
    }
    return outcome
  }

  /// Puts totals in the place of a day's rows, in one commit.
  ///
  /// - Throws: `io`, `diskFull`, `corruption`, `version`, `cancelled`: the day is as before.
  func replace(_ day: Day) throws(TallyError) -> Outcome {
    var attempt = 0
    while true {
      attempt += 1
      do throws(TallyError) {
        return try replaceOnce(day)
      } catch {
        guard error.code == .resourceExhausted, attempt < TotalsMaker.attemptCountMax else {
          throw error
        }
        try store.flush()
      }
    }
  }

  private func replaceOnce(_ day: Day) throws(TallyError) -> Outcome {
    let before = try store.committedManifest()
    let inputs = before.segments.filter { $0.day == day }
    var outcome = Outcome(inputs, before)
    var made: [SegmentInfo] = []
    do throws(TallyError) {
      try encode(inputs, before) { (bytes, rowCount) throws(TallyError) in
        made.append(try write(bytes, rowCount: rowCount, day: day))
      }
      let ids = Set(inputs.map(\.id))
      try store.publish(made, threadCount: 1, settled: ids) { now throws(TallyError) in
        try cancellation.check()
        for id in ids where now.deletedRows[id] != before.deletedRows[id] {
          throw TallyError(
            .resourceExhausted, "rows of \(day) were replaced while they were added up",
            hint: "try again")
        }
        var edit = ManifestEdit()
        edit.segmentsRemoved = inputs.map(\.id)
        return edit
      }
    } catch {
      if !store.isCommitInDoubt {
        for segment in made {
          try? store.fileSystem.remove(store.layout.temporarySegment(id: segment.id))
        }
      }
      throw error
    }
    outcome.rowCountAfter = made.reduce(0) { $0 + $1.rowCount }
    outcome.byteCountAfter = made.reduce(0) { $0 + $1.byteCount }
    return outcome
  }

  /// Calls `sink` with the bytes and rows of each new segment.
  private func encode(
    _ inputs: [SegmentInfo], _ manifest: Manifest,
    sink: ([UInt8], Int) throws(TallyError) -> Void
  ) throws(TallyError) {
    guard let day = inputs.first?.day else { return }
    let schema = manifest.schema
    var totals = DayTotals(TotalsColumns(schema), schema: schema)
    let cache = PageCache(byteCountMax: CompactionOptions.cacheByteCountMax)
    for segment in inputs {
      let input = try RewriteInput(
        store.segmentFiles.committed(segment, cache: cache),
        dead: manifest.deletedRows[segment.id], changes: RewriteChanges())
      let rows = try MergedRows(
        [input], piece: [0..<segment.rowCount], day: day, schema: schema
      ) { [cancellation] () throws(TallyError) in try cancellation.check() }
      try totals.add(rows)
    }
    let order = totals.order()
    var options = store.options.segment
    options.zstdLevel = store.options.compaction.zstdLevel
    let rowCountMax = max(1, store.options.compaction.segmentRowCountMax)
    for start in stride(from: 0, to: order.count, by: rowCountMax) {
      let part = order[start..<min(order.count, start + rowCountMax)]
      let bytes = try SegmentWriter.encode(
        day: day, rowCount: part.count, columns: totals.rows(part, day: day), options: options)
      try sink(bytes, part.count)
    }
  }

  private func write(
    _ bytes: [UInt8], rowCount: Int, day: Day
  ) throws(TallyError) -> SegmentInfo {
    let info = SegmentInfo(
      id: store.segmentIDs.take(), day: day, rowCount: rowCount, byteCount: Int64(bytes.count),
      timeMinimum: day.startMicroseconds, timeMaximum: day.startMicroseconds)
    let path = store.layout.temporarySegment(id: info.id)
    let file = try store.fileSystem.open(path, .createNew)
    do throws(TallyError) {
      try file.write(bytes, at: 0)
      try file.close()
    } catch {
      try? file.close()
      try? store.fileSystem.remove(path)
      throw error
    }
    return info
  }
}

extension TotalsMaker.Outcome {
  init(_ inputs: [SegmentInfo], _ manifest: Manifest) {
    rowCountBefore = inputs.reduce(0) { $0 + manifest.liveRowCount($1) }
    byteCountBefore = inputs.reduce(0) { $0 + $1.byteCount }
  }
}
