import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// Rows of one day in sorted order, in one or more temporary segments that follow each other.
struct SortedRun: Sendable {
  var segments: [SegmentInfo]
  /// Files beside the segments, by segment id; see `Arrivals`.
  var arrivals: [UInt64: SegmentInfo] = [:]

  var rowCount: Int { segments.reduce(0) { $0 + $1.rowCount } }
}

/// Sorts days, cuts them into segments and writes these under temporary names. Files are not
/// synced: most runs of unordered input are read again and removed before the commit.
final class RunWriter: Sendable {
  let schema: Schema
  private let files: SegmentFiles
  private let segmentOptions: SegmentWriter.Options
  private let ids: SegmentIDs
  let segmentRowCountMax: Int

  init(
    schema: Schema, files: SegmentFiles, segmentOptions: SegmentWriter.Options, ids: SegmentIDs,
    segmentRowCountMax: Int
  ) {
    self.schema = schema
    self.files = files
    self.segmentOptions = segmentOptions
    self.ids = ids
    self.segmentRowCountMax = segmentRowCountMax
  }

  /// Writes all rows of a day and gives its memory back.
  ///
  /// - Parameter missing: what rows have in columns that no row of the day names, where that is
  ///   not the default: only `ingested_at`.
  /// - Throws: `io`, and what encoding throws.
  func write(
    _ buffer: DayBuffer, ingestedAt: MissingValue
  ) throws(TallyError) -> SortedRun {
    var keys = buffer.keys()
    let order = RowOrder.sort(&keys)
    let times = keys
    return try write(
      buffer, order: order, keys: times, ingestedAt: ingestedAt, dropsColumns: true)
  }

  /// Writes chosen rows of a day and leaves its memory as it is.
  ///
  /// - Parameter order: sorted rows.
  /// - Returns: the run; row i of it, its segments one after another, is `order[i]`.
  func write(
    _ buffer: DayBuffer, order: [UInt32], keys: [UInt64]
  ) throws(TallyError) -> SortedRun {
    try write(buffer, order: order, keys: keys, ingestedAt: .null, dropsColumns: false)
  }

  private func write(
    _ buffer: DayBuffer, order: [UInt32], keys: [UInt64], ingestedAt: MissingValue,
    dropsColumns: Bool
  ) throws(TallyError) -> SortedRun {
    let ends = RowOrder.cuts(keys, rowCountMax: segmentRowCountMax)
    var run = SortedRun(segments: [])
    var start = 0
    do throws(TallyError) {
      for end in ends {
        let columns = gather(
          buffer, order: order[start..<end], ingestedAt: ingestedAt,
          dropping: dropsColumns && end == order.count)
        let segment = try write(day: buffer.day, keys: keys[start..<end], columns: columns)
        run.segments.append(segment)
        if let numbers = try Arrivals.encode(buffer, order: order[start..<end]) {
          run.arrivals[segment.id] = try write(numbers, day: buffer.day, keys: keys[start..<end])
        }
        start = end
      }
    } catch {
      remove(run)
      throw error
    }
    return run
  }

  private func gather(
    _ buffer: DayBuffer, order: ArraySlice<UInt32>, ingestedAt: MissingValue, dropping: Bool
  ) -> [SegmentColumnData] {
    var columns: [SegmentColumnData] = []
    for column in schema.columns {
      let absent =
        column.id == Schema.ingestedAtColumnID
        ? ColumnBuffer(column: column, missing: ingestedAt) : nil
      guard let source = buffer.column(column.id) ?? absent else { continue }
      let gathered = ColumnGather.gather(source, order: order, rowCount: buffer.rowCount)
      if let gathered { columns.append(gathered) }
      if dropping { buffer.drop(column: column.id) }
    }
    return columns
  }

  private func write(
    day: Day, keys: ArraySlice<UInt64>, columns: [SegmentColumnData]
  ) throws(TallyError) -> SegmentInfo {
    let bytes = try SegmentWriter.encode(
      day: day, rowCount: keys.count, columns: columns, options: segmentOptions)
    return try write(bytes, day: day, keys: keys)
  }

  private func write(
    _ bytes: [UInt8], day: Day, keys: ArraySlice<UInt64>
  ) throws(TallyError) -> SegmentInfo {
    let info = SegmentInfo(id: ids.take(), day: day, keys: keys, byteCount: bytes.count)
    let path = files.layout.temporarySegment(id: info.id)
    let file = try files.fileSystem.open(path, .createNew)
    do throws(TallyError) {
      try file.write(bytes, at: 0)
      try file.close()
    } catch {
      try? files.fileSystem.remove(path)
      throw error
    }
    return info
  }

  /// Removes a run that is not needed any more. What cannot be removed now is garbage that the
  /// next writer removes.
  func remove(_ run: SortedRun) {
    removeArrivals(of: run)
    for segment in run.segments {
      try? files.fileSystem.remove(files.layout.temporarySegment(id: segment.id))
    }
  }

  /// Removes the files beside a run's segments.
  func removeArrivals(of run: SortedRun) {
    for file in run.arrivals.values {
      try? files.fileSystem.remove(files.layout.temporarySegment(id: file.id))
    }
  }

  /// Readers of a run's segments.
  func readers(of run: SortedRun, cache: PageCache) -> [SegmentReader] {
    run.segments.map { files.temporary($0, cache: cache) }
  }

  /// Readers of the files beside a run's segments, by segment id.
  func arrivalReaders(of run: SortedRun, cache: PageCache) -> [UInt64: SegmentReader] {
    run.arrivals.mapValues { files.temporary($0, cache: cache) }
  }
}

extension SegmentInfo {
  /// A segment of rows with these `RowOrder` keys.
  init(id: UInt64, day: Day, keys: ArraySlice<UInt64>, byteCount: Int) {
    let timeMask: UInt64 = (1 << RowOrder.timeBitCount) - 1
    var earliest: UInt64 = .max
    var latest: UInt64 = 0
    for key in keys {
      earliest = min(earliest, key & timeMask)
      latest = max(latest, key & timeMask)
    }
    self.init(
      id: id, day: day, rowCount: keys.count, byteCount: Int64(byteCount),
      timeMinimum: day.startMicroseconds &+ Int64(truncatingIfNeeded: earliest),
      timeMaximum: day.startMicroseconds &+ Int64(truncatingIfNeeded: latest))
  }
}

/// Hands out segment ids, each once.
final class SegmentIDs: Sendable {
  private let next: Atomic<UInt64>

  init(from first: UInt64) { next = Atomic(first) }

  func take() -> UInt64 { next.add(1, ordering: .relaxed).oldValue }

  /// All ids below have been taken.
  var end: UInt64 { next.load(ordering: .relaxed) }
}
