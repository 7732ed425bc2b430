import TallyBase

/// What a query takes from the write buffer in one moment: rows in the form of segments, and
/// deletions.
struct BufferCapture {
  let version: UInt64
  let base: StoreSnapshot
  /// Segments in memory, with the rows dead at that moment.
  private var segments: [BufferedSegment] = []
  private var deletions: [[UInt64: Set<Int>]] = []

  /// Called with the buffer's lock held. Segments that are made here are shown to later queries
  /// too.
  init(
    _ state: borrowing WriteBuffer.State, base: StoreSnapshot, files: SegmentFiles, schema: Schema
  ) {
    version = state.version
    self.base = base
    for generation in [state.frozen, state.active] {
      guard let generation else { continue }
      for (day, buffer) in generation.rows.days {
        if let missing = generation.views[day, default: BufferedDay()]
          .missing(upTo: buffer.rowCount),
          let segment = BufferedSegment(
            buffer, rows: missing, dead: generation.dead[day] ?? [], schema: schema, files: files)
        {
          generation.views[day, default: BufferedDay()].install(segment)
        }
        segments.append(contentsOf: generation.views[day]?.segments ?? [])
      }
      deletions.append(generation.committedDeletions)
    }
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
