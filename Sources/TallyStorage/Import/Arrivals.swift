import TallyBase

/// In which order an import's rows came: of duplicates with as many tokens, the later one stays.
///
/// Rows get their number as a column that no segment has. It goes through sorting and merging with
/// the rows and is written to files beside the temporary segments, themselves segments of this one
/// column, which do not outlive the import. Batches without event ids have no numbers.
enum Arrivals {
  /// Beyond the columns that a store can have.
  static let column = ColumnSchema(id: Schema.columnCountMax, name: "arrival", type: .int64)
  /// The same column in the file that has no other.
  private static let storedColumn = ColumnSchema(id: 0, name: "arrival", type: .int64)

  /// Whether some row of a batch has an event id.
  static func areNeeded(for batch: EventBatch) -> Bool {
    let name = Schema.standard.columns[Schema.eventIDColumnID].name
    guard let ids = batch.column(named: name), case .text = ids.values else { return false }
    return ids.validity.isEmpty || ids.validity.contains { $0 != 0 }
  }

  /// The bytes of the file beside a segment that has the rows `order` of a day; nil if none of
  /// them has a number.
  ///
  /// - Throws: `internal`, `resourceExhausted`.
  static func encode(
    _ buffer: DayBuffer, order: ArraySlice<UInt32>
  ) throws(TallyError) -> [UInt8]? {
    guard let source = buffer.column(column.id),
      var data = ColumnGather.gather(source, order: order, rowCount: buffer.rowCount)
    else { return nil }
    data.column = storedColumn
    return try SegmentWriter.encode(day: buffer.day, rowCount: order.count, columns: [data])
  }

  /// Appends the numbers of rows `range` of a segment to a day's buffer.
  ///
  /// - Parameter reader: of the file beside the segment.
  /// - Throws: `io`, `corruption`.
  static func append(
    _ range: Range<Int>, from reader: SegmentReader, to buffer: DayBuffer
  ) throws(TallyError) {
    guard let stored = try reader.footer().column(id: storedColumn.id) else { return }
    try RunColumn(reader: reader, column: column, stored: stored).append(range, to: buffer)
  }

  /// Reads the file beside a segment.
  static func cursor(_ reader: SegmentReader) throws(TallyError) -> ColumnCursor {
    ColumnCursor(try reader.footer(), storedColumn.id)
  }
}
