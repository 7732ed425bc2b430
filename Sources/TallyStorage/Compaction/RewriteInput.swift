import TallyBase

/// A segment that is rewritten, with what of it stays.
struct RewriteInput {
  let reader: SegmentReader
  let footer: SegmentFooter
  /// Rows to leave out; nil: none.
  let dropped: DeletedRows?
  private let cleared: [Int: DeletedRows]
  private let droppedColumns: Set<Int>

  /// - Parameter dead: the segment's dead rows.
  /// - Throws: `io`, `corruption`, `version`; `internal` if a set of rows is not of this segment.
  init(
    _ reader: SegmentReader, dead: DeletedRows?, changes: RewriteChanges
  ) throws(TallyError) {
    self.reader = reader
    footer = try reader.footer()
    let id = reader.info.id
    var dropped = dead
    if let more = changes.droppedRows[id] {
      dropped?.formUnion(more)
      dropped = dropped ?? more
    }
    self.dropped = dropped.flatMap { $0.isEmpty ? nil : $0 }
    droppedColumns = changes.droppedColumns
    cleared = changes.clearedRows.compactMapValues { $0[id] }
    for rows in [dropped].compactMap({ $0 }) + Array(cleared.values)
    where rows.rowCount != reader.info.rowCount {
      throw TallyError(
        .internal,
        "rows of segment \(id) were chosen out of \(rows.rowCount), it has "
          + "\(reader.info.rowCount)")
    }
  }

  /// Rows that stay.
  var liveRowCount: Int { reader.info.rowCount - (dropped?.count ?? 0) }

  /// The stored column, unless its values are to go.
  func stored(_ column: ColumnSchema) -> SegmentFooter.Column? {
    droppedColumns.contains(column.id) ? nil : footer.column(id: column.id)
  }

  /// Rows whose value in a column becomes NULL.
  func clearedRows(_ column: ColumnSchema) -> DeletedRows? { cleared[column.id] }

  /// Whether rows may be NULL in a column.
  func hasNulls(_ column: ColumnSchema) -> Bool {
    if cleared[column.id] != nil { return true }
    guard let stored = stored(column) else { return column.defaultValue.isNull }
    return stored.zoneMap.nullCount > 0
  }

  /// Appends a column of rows `rows`; the caller counts the rows.
  ///
  /// - Throws: `io`, `corruption`.
  func append(
    _ rows: Range<Int>, of column: ColumnSchema, to buffer: DayBuffer
  ) throws(TallyError) {
    guard let stored = stored(column), !rows.isEmpty else { return }
    try RunColumn(reader: reader, column: column, stored: stored).append(rows, to: buffer)
  }
}
