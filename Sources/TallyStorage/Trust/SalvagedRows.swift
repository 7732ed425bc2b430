import TallyBase

/// The rows of those row groups of a segment that can be read, in their order.
///
/// All row groups but the last are full and a multiple of the page size, so that a page's rows
/// come from one row group.
struct SalvagedRows: SegmentRows {
  let reader: SegmentReader
  let footer: SegmentFooter
  let rowGroups: [Int]
  let columns: [ColumnSchema]
  let rowCount: Int

  var day: Day { reader.info.day }

  init(_ reader: SegmentReader, _ footer: SegmentFooter, rowGroups: [Int], schema: Schema) {
    self.reader = reader
    self.footer = footer
    self.rowGroups = rowGroups
    columns = schema.columns.filter { footer.column(id: $0.id) != nil }
    rowCount = rowGroups.reduce(0) { $0 + footer.rowGroups[$1].rowCount }
  }

  /// Bounds of the rows' times, in microseconds.
  var times: ClosedRange<Int64> {
    var zone = ZoneMap.empty
    if let column = footer.column(id: Schema.timeColumnID) {
      for rowGroup in rowGroups { zone.merge(column.chunks[rowGroup].zoneMap) }
    }
    return zone.hasBounds
      ? zone.minimum...zone.maximum : reader.info.timeMinimum...reader.info.timeMaximum
  }

  /// By row of the old segment, where it went.
  var positions: [UInt32] {
    var positions = [UInt32](repeating: RowMove.absent, count: footer.rowCount)
    var next: UInt32 = 0
    for rowGroup in rowGroups {
      let group = footer.rowGroups[rowGroup]
      for row in group.firstRow..<(group.firstRow + group.rowCount) {
        positions[row] = next
        next &+= 1
      }
    }
    return positions
  }

  func hasNulls(_ column: ColumnSchema) -> Bool {
    guard let stored = footer.column(id: column.id) else { return column.defaultValue.isNull }
    return stored.zoneMap.nullCount > 0
  }

  func valueCountMax(_ column: ColumnSchema) -> Int {
    footer.column(id: column.id)?.localDictionary.count ?? 1
  }

  func values(
    _ rows: Range<Int>, of column: ColumnSchema
  ) throws(TallyError) -> SegmentColumnData {
    let buffer = DayBuffer(day: day)
    var row = rows.lowerBound
    while row < rows.upperBound {
      let index = row / SegmentReader.rowGroupRowCount
      let end = min(rows.upperBound, (index + 1) * SegmentReader.rowGroupRowCount)
      let first = footer.rowGroups[rowGroups[index]].firstRow
      let old = first + row - index * SegmentReader.rowGroupRowCount
      if let stored = footer.column(id: column.id) {
        try RunColumn(reader: reader, column: column, stored: stored).append(
          old..<(old + end - row), to: buffer)
      }
      buffer.addRows(end - row)
      row = end
    }
    let order = (0..<rows.count).map { UInt32(truncatingIfNeeded: $0) }
    guard let source = buffer.column(column.id),
      let gathered = ColumnGather.gather(source, order: order[...], rowCount: rows.count)
    else { return SegmentColumnData(column: column, defaultCount: rows.count) }
    return gathered
  }
}
