import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// Repairs the segments of a store, one after another. Run with the maintenance lock held, or dry.
struct StoreRepair {
  let store: Store
  let options: RepairOptions
  let report: (RepairAction) -> Void
  private(set) var summary = RepairSummary()

  init(_ store: Store, options: RepairOptions, report: @escaping (RepairAction) -> Void) {
    self.store = store
    self.options = options
    self.report = report
  }

  private mutating func note(_ action: RepairAction) {
    summary.count(action)
    report(action)
  }

  private mutating func note(
    _ kind: RepairAction.Kind, _ path: String, _ message: String, lostRowCount: Int = 0
  ) {
    var action = RepairAction(kind, path: path, message)
    action.lostRowCount = lostRowCount
    note(action)
  }

  mutating func run() throws(TallyError) {
    let manifest = try ManifestLoader.load(store.layout, fileSystem: store.fileSystem).manifest
    for id in options.droppedSegments.sorted()
    where !manifest.segments.contains(where: { $0.id == id }) {
      throw TallyError(
        .invalidArgument, "there is no segment \(id)",
        hint: "'tally verify --deep' lists those that are damaged")
    }
    let isIntact = try checkDictionaries(manifest)
    for segment in try damaged(manifest) {
      try options.cancellation.check()
      try repair(segment, manifest, canRead: isIntact)
    }
  }

  /// - Returns: whether all dictionaries can be read.
  private mutating func checkDictionaries(_ manifest: Manifest) throws(TallyError) -> Bool {
    var isIntact = true
    for (column, extent) in manifest.dictionaries.sorted(by: { $0.key < $1.key }) {
      do throws(TallyError) {
        try readDictionary(column, manifest)
      } catch {
        guard error.code == .corruption || error.code == .io else { throw error }
        isIntact = false
        let path = store.layout.dictionary(column: column, version: extent.version)
        note(
          .damaged, store.layout.relativePath(path),
          "\(error.message); nothing can be made of it: restore this file from a backup")
      }
    }
    return isIntact
  }

  /// A disk that fails once says nothing of the file: it is read again.
  private func readDictionary(_ column: Int, _ manifest: Manifest) throws(TallyError) {
    do throws(TallyError) {
      let set = DictionarySet(
        manifest: manifest, layout: store.layout, fileSystem: store.fileSystem)
      _ = try set.dictionary(column: column)
    } catch {
      guard error.code == .io || error.code == .diskFull else { throw error }
      let again = DictionarySet(
        manifest: manifest, layout: store.layout, fileSystem: store.fileSystem)
      _ = try again.dictionary(column: column)
    }
  }

  /// Segments that are damaged or marked as such.
  private func damaged(_ manifest: Manifest) throws(TallyError) -> [SegmentVerifier] {
    let found = Mutex<[Int: SegmentVerifier]>([:])
    let (files, layout, options) = (store.segmentFiles, store.layout, options)
    let context = SegmentContext(manifest)
    let count = manifest.segments.count
    try WorkerPool(threadCount: max(1, min(options.threadCount, count))).run(count: count) {
      (task, _) throws(TallyError) in
      try options.cancellation.check()
      let info = manifest.segments[task]
      let cache = PageCache(byteCountMax: StoreVerifier.cacheByteCountMax)
      var verifier = SegmentVerifier(
        files.committed(info, cache: cache), context: context, layout: layout)
      verifier.cancellation = options.cancellation
      verifier.verify(isDeep: true)
      if let error = verifier.versionError { throw error }
      if let reason = manifest.damagedSegments[info.id] { verifier.noteMark(reason) }
      guard !verifier.findings.isEmpty else { return }
      found.withLock { [verifier] found in found[task] = verifier }
    }
    try options.cancellation.check()
    return found.withLock { found in found.sorted { $0.key < $1.key }.map(\.value) }
  }

  // MARK: One segment

  private mutating func repair(
    _ segment: SegmentVerifier, _ manifest: Manifest, canRead: Bool
  ) throws(TallyError) {
    let id = segment.info.id
    if segment.findings.allSatisfy(\.isMarkOnly) {
      if !options.isDryRun { try mark(segment.info, "") }
      return note(.cleared, segment.path, "it is marked as damaged, and intact")
    }
    if segment.isReadable {
      if !options.isDryRun { try rebuild(segment) }
      let what = segment.findings.first?.message ?? ""
      return note(.rebuilt, segment.path, "all of its rows can be read (\(what))")
    }
    if canRead, try replay(segment, manifest) { return }
    if options.dropsDamaged || options.droppedSegments.contains(id) {
      return try salvage(segment, manifest)
    }
    if !options.isDryRun {
      try Quarantine(layout: store.layout, fileSystem: store.fileSystem).keep(
        segment.info, findings: segment.findings)
      try mark(segment.info, segment.findings.first { $0.kind == .damage }?.reason ?? "damaged")
    }
    let lost = lostRows(segment, manifest)
    note(
      .damaged, segment.path,
      "\(segment.findings.first?.message ?? "it is damaged"); restore the file from a backup, or "
        + "give up what cannot be read with --drop \(id): \(lost.description)")
  }

  private func mark(_ info: SegmentInfo, _ reason: String) throws(TallyError) {
    try store.publish([]) { manifest in
      var edit = ManifestEdit()
      guard manifest.segments.contains(where: { $0.id == info.id }),
        manifest.damagedSegments[info.id] != reason
      else { return edit }
      edit.damagedSegments[info.id] = reason
      return edit
    }
  }

  private func rebuild(_ segment: SegmentVerifier) throws(TallyError) {
    try store.rewrite(
      [segment.info], options: store.options.compaction, cancellation: options.cancellation)
  }

  // MARK: From the log

  /// - Returns: whether the log had the segment's rows.
  private mutating func replay(
    _ segment: SegmentVerifier, _ manifest: Manifest
  ) throws(TallyError) -> Bool {
    let info = segment.info
    let replay = SegmentReplay(
      info: info, manifest: manifest, files: store.segmentFiles,
      segmentOptions: store.options.segment)
    guard let range = info.logRange, let rows = replay.rows() else { return false }
    let message = "made again from records \(range.lowerBound) to \(range.upperBound) of the log"
    if options.isDryRun {
      note(.replayed, segment.path, message)
      return true
    }
    let old = segment.isUnreadable ? nil : try? segment.reader.footer()
    guard let new = try replay.write(rows, ids: store.segmentIDs, old: old) else { return false }
    let positions = (0..<UInt32(truncatingIfNeeded: info.rowCount)).map { $0 }
    try replace(info, by: new, positions: positions)
    note(.replayed, segment.path, message)
    return true
  }

  /// Puts a segment under its temporary name in the place of another.
  private func replace(
    _ old: SegmentInfo, by new: SegmentInfo, positions: [UInt32]
  ) throws(TallyError) {
    var targets = RowMove.Targets()
    targets.append(new)
    let move = RowMove(positions: positions, targets: targets)
    do throws(TallyError) {
      try store.publish([new], threadCount: 1, moves: [old.id: move]) {
        manifest throws(TallyError) in
        var edit = ManifestEdit()
        edit.segmentsRemoved = [old.id]
        guard let dead = manifest.deletedRows[old.id] else { return edit }
        var moved = DeletedRows(rowCount: new.rowCount)
        for row in dead.rows { if let place = move[row] { moved.insert(place.row) } }
        if !moved.isEmpty { edit.deletedRows[new.id] = moved }
        return edit
      }
    } catch {
      try? store.fileSystem.remove(store.layout.temporarySegment(id: new.id))
      throw error
    }
  }

  // MARK: Giving up what cannot be read

  private func lostRows(_ segment: SegmentVerifier, _ manifest: Manifest) -> LostRows {
    let info = segment.info
    let deleted = manifest.deletedRows[info.id]
    guard !segment.isUnreadable, !segment.isInconsistent,
      let footer = try? segment.reader.footer()
    else { return LostRows(info, deleted: deleted) }
    let set = DictionarySet(
      manifest: manifest, layout: store.layout, fileSystem: store.fileSystem)
    let orgs = try? set.dictionary(column: Schema.orgColumnID).table
    return LostRows(
      info, rowGroups: segment.damagedRowGroups.sorted(), footer: footer, deleted: deleted,
      orgs: orgs)
  }

  private mutating func salvage(
    _ segment: SegmentVerifier, _ manifest: Manifest
  ) throws(TallyError) {
    let info = segment.info
    let lost = lostRows(segment, manifest)
    if !options.isDryRun {
      try Quarantine(layout: store.layout, fileSystem: store.fileSystem).keep(
        info, findings: segment.findings, lost: lost)
      try keepReadable(segment, manifest)
    }
    note(.salvaged, segment.path, lost.description, lostRowCount: lost.rowCount)
  }

  private func keepReadable(
    _ segment: SegmentVerifier, _ manifest: Manifest
  ) throws(TallyError) {
    let info = segment.info
    var rows: SalvagedRows?
    if !segment.isUnreadable, !segment.isInconsistent, let footer = try? segment.reader.footer() {
      let kept = footer.rowGroups.indices.filter { !segment.damagedRowGroups.contains($0) }
      rows = SalvagedRows(segment.reader, footer, rowGroups: kept, schema: manifest.schema)
    }
    guard let rows, rows.rowCount > 0 else {
      let nowhere = RowMove(
        positions: [UInt32](repeating: RowMove.absent, count: info.rowCount),
        targets: RowMove.Targets())
      try store.publish([], moves: [info.id: nowhere]) { _ in
        var edit = ManifestEdit()
        edit.segmentsRemoved = [info.id]
        return edit
      }
      return
    }
    try replace(info, by: try write(rows), positions: rows.positions)
  }

  private func write(_ rows: SalvagedRows) throws(TallyError) -> SegmentInfo {
    let times = rows.times
    var info = SegmentInfo(
      id: store.segmentIDs.take(), day: rows.day, rowCount: rows.rowCount, byteCount: 0,
      timeMinimum: times.lowerBound, timeMaximum: times.upperBound)
    let path = store.layout.temporarySegment(id: info.id)
    let file = try store.fileSystem.open(path, .createNew)
    do throws(TallyError) {
      info.byteCount = try SegmentWriter.encode(rows, options: store.options.segment) {
        (bytes, offset) throws(TallyError) in
        try file.write(bytes, at: offset)
      }
      try file.close()
    } catch {
      try? file.close()
      try? store.fileSystem.remove(path)
      throw error
    }
    return info
  }
}
