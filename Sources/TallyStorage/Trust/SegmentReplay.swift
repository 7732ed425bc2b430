import SystemPackage
import TallyBase
import TallyFile

/// Makes a segment's rows again from the records of the log that they came from.
///
/// The records are applied as they were when they came. Which rows a duplicate had replaced by the
/// time of the flush is not written down anywhere, so the result counts only if it has as many
/// rows as the segment, between the same times, and, where the segment's directory can be read,
/// the same bounds and sums in every column.
struct SegmentReplay {
  let info: SegmentInfo
  let manifest: Manifest
  let files: SegmentFiles
  let segmentOptions: SegmentWriter.Options

  /// Rows of the day in the order of the segment.
  struct Rows {
    var schema: Schema
    var buffer: DayBuffer
    var order: [UInt32]
    var keys: [UInt64]
  }

  /// - Returns: nil if the log does not have the records, or has other rows.
  func rows() -> Rows? {
    guard let range = info.logRange else { return nil }
    do throws(TallyError) {
      return try rows(of: range)
    } catch {
      // A disk that fails once says nothing of the log. What cannot be read twice is not there.
      guard error.code == .io || error.code == .diskFull else { return nil }
      return (try? rows(of: range)) ?? nil
    }
  }

  private func rows(of range: ClosedRange<UInt64>) throws(TallyError) -> Rows? {
    let committed = DictionarySet(
      manifest: manifest, layout: files.layout, fileSystem: files.fileSystem)
    let catalog = LiveCatalog(schema: manifest.schema, committed: committed)
    let buffer = WriteBuffer(
      catalog: catalog, files: files, manifest: Manifest(storeID: manifest.storeID))
    let place = LogPlace(
      files.layout, fileSystem: files.fileSystem, storeID: manifest.storeID)
    let key = Fingerprinter(manifest.storeID)
    let isComplete = try LogReader(at: place).records(in: range) { (record) throws(TallyError) in
      try buffer.replay(record, key: key) { nil }
    }
    guard isComplete, catalog.schema == manifest.schema, let generation = buffer.freeze(),
      let day = generation.rows.days[info.day]
    else { return nil }
    for (column, table) in catalog.tables()
    where table.count != (manifest.dictionaries[column]?.entryCount ?? 0) { return nil }
    let dead = buffer.deadRows(of: generation)[info.day] ?? []
    let (order, keys) = day.sortedRows(0..<day.rowCount, excluding: dead)
    guard order.count == info.rowCount, !keys.isEmpty else { return nil }
    let made = SegmentInfo(id: 0, day: info.day, keys: keys[...], byteCount: 0)
    guard made.timeMinimum == info.timeMinimum, made.timeMaximum == info.timeMaximum else {
      return nil
    }
    return Rows(schema: catalog.schema, buffer: day, order: order, keys: keys)
  }

  /// Writes the rows under a temporary name.
  ///
  /// - Parameter old: the directory of the damaged segment, if it can be read.
  /// - Returns: nil if they are not those of the segment.
  /// - Throws: `io`, `diskFull`; nothing is left behind then.
  func write(
    _ rows: Rows, ids: SegmentIDs, old: SegmentFooter?
  ) throws(TallyError) -> SegmentInfo? {
    let writer = RunWriter(
      schema: rows.schema, files: files, segmentOptions: segmentOptions, ids: ids,
      segmentRowCountMax: Int(Int32.max))
    let run = try writer.write(rows.buffer, order: rows.order, keys: rows.keys)
    guard run.segments.count == 1, var segment = run.segments.first,
      let reader = writer.readers(of: run, cache: PageCache(byteCountMax: 0)).first
    else {
      writer.remove(run)
      return nil
    }
    do throws(TallyError) {
      if let old, !SegmentReplay.agree(old, try reader.footer()) {
        writer.remove(run)
        return nil
      }
    } catch {
      writer.remove(run)
      throw error
    }
    segment.logRange = info.logRange
    return segment
  }

  private static func agree(_ old: SegmentFooter, _ new: SegmentFooter) -> Bool {
    let ids = 0..<max(old.columns.count, new.columns.count)
    return ids.allSatisfy { id in
      let (before, after) = (old.column(id: id), new.column(id: id))
      return before?.zoneMap == after?.zoneMap
        && before?.localDictionary == after?.localDictionary
    }
  }
}
