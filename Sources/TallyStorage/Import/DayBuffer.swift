import TallyBase

/// The rows of one day that are held in memory, in order of arrival.
final class DayBuffer: @unchecked Sendable {
  // SAFETY (Sendable): an import changes a buffer only with its lock held, and lets worker threads
  // read it only while it holds that lock and waits for them.
  let day: Day
  private(set) var rowCount = 0
  /// Memory held by rows.
  private(set) var byteCount = 0
  /// Number of the batch that last added rows: days that input has moved past are written first.
  var lastBatchNumber = 0
  /// By column id.
  private(set) var columns: [ColumnBuffer?] = []

  init(day: Day) { self.day = day }

  /// Applies `append` to a column's buffer, which is created if need be, and counts the memory.
  func withColumn(
    _ column: ColumnSchema, missing: MissingValue,
    append: (_ buffer: inout ColumnBuffer, _ start: Int) -> Int
  ) {
    while columns.count <= column.id { columns.append(nil) }
    var buffer = columns[column.id] ?? ColumnBuffer(column: column, missing: missing)
    columns[column.id] = nil
    byteCount += append(&buffer, rowCount)
    columns[column.id] = buffer
  }

  /// Counts rows whose values have been appended to every column they name.
  func addRows(_ count: Int) { rowCount += count }

  /// The chunk pointers of a column, each filled to the end; see `ColumnGather`.
  func column(_ id: Int) -> ColumnBuffer? { id < columns.count ? columns[id] : nil }

  /// Frees the memory of a column.
  func drop(column id: Int) {
    if id < columns.count { columns[id] = nil }
  }

  /// Writes what rows that name no value have, to the end of every column. Reading the buffer
  /// changes nothing from then on.
  func complete() {
    for buffer in columns {
      guard let buffer else { continue }
      switch buffer.chunks {
      case .fixed(_, let chunks):
        for (index, chunk) in chunks.enumerated() {
          let end = min(RowChunk.rowCount, rowCount - index << RowChunk.rowShift)
          chunk?.fill(to: end, with: buffer.missing)
        }
      case .text: break
      }
    }
  }

  /// `RowOrder` keys of rows `rows`, in order of arrival.
  func keys(_ rows: Range<Int>) -> [UInt64] {
    rows == 0..<rowCount ? keys() : Array(keys()[rows])
  }

  /// `RowOrder` keys of all rows, in order of arrival.
  func keys() -> [UInt64] {
    var keys = [UInt64](repeating: 0, count: rowCount)
    let start = day.startMicroseconds
    if case .fixed(_, let chunks) = column(Schema.timeColumnID)?.chunks {
      forEachFilled(chunks) { row, chunk, count in
        // SAFETY: a filled chunk of `time` holds `count` values of eight bytes.
        let times = unsafe chunk.values.assumingMemoryBound(to: Int64.self)
        for index in 0..<count {
          keys[row + index] = UInt64(truncatingIfNeeded: unsafe times[index] &- start)
        }
      }
    }
    if case .fixed(_, let chunks) = column(Schema.orgColumnID)?.chunks {
      forEachFilled(chunks) { row, chunk, count in
        // SAFETY: a filled chunk of `org` holds `count` codes of four bytes.
        let codes = unsafe chunk.values.assumingMemoryBound(to: UInt32.self)
        for index in 0..<count {
          keys[row + index] |= unsafe RowOrder.key(org: codes[index])
        }
      }
    }
    return keys
  }

  private func forEachFilled(
    _ chunks: [RowChunk?], _ body: (_ row: Int, _ chunk: RowChunk, _ count: Int) -> Void
  ) {
    for (index, chunk) in chunks.enumerated() {
      guard let chunk else { continue }
      let row = index << RowChunk.rowShift
      body(row, chunk, min(chunk.filledCount, rowCount - row))
    }
  }
}
