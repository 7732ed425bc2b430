package import TallyBase

/// Exact sums of a store's integer and decimal columns over some rows, to show that a rewrite
/// changed none that it should not.
package struct SegmentSums: Hashable, Sendable {
  package var rowCount = 0
  /// By column id: the sum of the values that are not NULL, unscaled, and their number.
  package private(set) var values: [Int: Int128] = [:]
  package private(set) var presentCounts: [Int: Int] = [:]

  package init() {}

  /// Columns that have a sum.
  package static func columns(_ schema: Schema) -> [ColumnSchema] {
    schema.columns.filter { column in
      switch column.type {
      case .int64, .decimal: true
      default: false
      }
    }
  }

  /// Adds a segment's rows that are not dead.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  /// - Complexity: O(columns), and for segments with dead rows one look-up for each of these in
  ///   each column.
  mutating func add(
    _ reader: SegmentReader, dead: DeletedRows?, schema: Schema
  ) throws(TallyError) {
    let footer = try reader.footer()
    let deadRows = dead?.rows ?? []
    let liveCount = footer.rowCount - deadRows.count
    rowCount += liveCount
    for column in SegmentSums.columns(schema) {
      guard let stored = footer.column(id: column.id) else {
        let missing = MissingValue(of: column)
        if !missing.isNull {
          add(Int128(missing.bits) * Int128(liveCount), count: liveCount, column: column.id)
        }
        continue
      }
      var sum = stored.zoneMap.hasBounds ? stored.zoneMap.sum : 0
      var count = footer.rowCount - stored.zoneMap.nullCount
      var cursor = ColumnCursor(footer, column.id)
      for row in deadRows {
        guard let value = try cursor.value(row, reader) else { continue }
        sum &-= Int128(value)
        count -= 1
      }
      add(sum, count: count, column: column.id)
    }
  }

  private mutating func add(_ sum: Int128, count: Int, column: Int) {
    guard count > 0 else { return }
    values[column, default: 0] &+= sum
    presentCounts[column, default: 0] += count
  }

  /// Adds the rows of another sum.
  mutating func add(_ other: SegmentSums) {
    rowCount += other.rowCount
    for (column, sum) in other.values {
      add(sum, count: other.presentCounts[column] ?? 0, column: column)
    }
  }
}
