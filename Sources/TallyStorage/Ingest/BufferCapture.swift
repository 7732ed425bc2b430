import Synchronization
import TallyBase

/// What a query takes from the write buffer in one moment: segments that exist, rows that need
/// one, and deletions.
struct BufferCapture {
  let version: UInt64
  let base: StoreSnapshot
  /// Segments in memory, with the rows dead at that moment.
  private var segments: [BufferedSegment] = []
  private var gathered: [(generation: BufferGeneration, rows: GatheredRows)] = []
  private var deletions: [[UInt64: Set<Int>]] = []

  /// Ids of segments in memory: never on disk, unique in the process for the page cache's sake.
  private static let residentIDs = Atomic<UInt64>(1 << 62)

  /// Called with the buffer's lock held.
  init(
    _ state: borrowing WriteBuffer.State, base: StoreSnapshot, files: SegmentFiles, schema: Schema
  ) {
    version = state.version
    self.base = base
    let writer = RunWriter(
      schema: schema, files: files, segmentOptions: SegmentWriter.Options(),
      ids: SegmentIDs(from: 0), segmentRowCountMax: .max)
    for generation in [state.frozen, state.active] {
      guard let generation else { continue }
      for (day, buffer) in generation.rows.days {
        let view = generation.views[day] ?? BufferedDay()
        let missing = view.missing(upTo: buffer.rowCount)
        let first = missing?.lowerBound ?? buffer.rowCount
        segments.append(contentsOf: view.segments.filter { $0.rows.lowerBound < first })
        guard let missing else { continue }
        let rows = GatheredRows(
          buffer, rows: missing, dead: generation.dead[day] ?? [], writer: writer)
        if !rows.keys.isEmpty { gathered.append((generation, rows)) }
      }
      deletions.append(generation.committedDeletions)
    }
  }

  /// Makes the segments that are missing; `install` shows each to later queries.
  mutating func encode(
    files: SegmentFiles,
    install: (BufferedSegment, BufferGeneration, Day) -> Void
  ) throws(TallyError) {
    for (generation, rows) in gathered {
      let id = BufferCapture.residentIDs.add(1, ordering: .relaxed).oldValue
      let segment = try rows.encoded(id: id, files: files)
      segments.append(segment)
      install(segment, generation, rows.day)
    }
    gathered = []
  }

  /// The state of that moment.
  func combined(schema: Schema, tables: [Int: StringTable]) -> StoreSnapshot {
    var deleted = base.deletedRows
    for rows in deletions { base.delete(rows, in: &deleted) }
    for segment in segments where !segment.deleted.isEmpty {
      deleted[segment.reader.info.id] = segment.deleted
    }
    return StoreSnapshot(
      base, adding: segments.map(\.reader), deletedRows: deleted, schema: schema, tables: tables)
  }
}
