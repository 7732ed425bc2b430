import Synchronization
import TallyBase

/// Some rows of a day's buffer in the form of a segment, so that queries read buffer and disk
/// alike. Lives in memory.
struct BufferedSegment {
  /// Rows of the day's buffer that the segment has, those excepted that were dead when it was made.
  let rows: Range<Int>
  let reader: SegmentReader
  /// By row of `rows`: the segment's row, or `BufferedSegment.absent`.
  let positions: [UInt32]
  /// Rows that died since.
  var deleted: DeletedRows

  static let absent = UInt32.max

  /// Never those of segments on disk, and unique in the process.
  private static let ids = Atomic<UInt64>(1 << 62)
}

/// The segments that stand for a day's buffer, in order of arrival.
///
/// Each covers at least twice the rows of the next, so a row is put into a segment a logarithmic
/// number of times however often queries come.
struct BufferedDay {
  private(set) var segments: [BufferedSegment] = []

  /// Rows that have a segment.
  var rowCount: Int { segments.last?.rows.upperBound ?? 0 }

  /// The rows for which a segment is to be made, or nil if every row has one.
  func missing(upTo end: Int) -> Range<Int>? {
    guard end > rowCount else { return nil }
    var first = rowCount
    for segment in segments.reversed() {
      guard segment.rows.count < 2 * (end - first) else { break }
      first = segment.rows.lowerBound
    }
    return first..<end
  }

  /// Puts a segment in place of those whose rows it has.
  mutating func install(_ segment: BufferedSegment) {
    segments.removeAll { $0.rows.lowerBound >= segment.rows.lowerBound }
    segments.append(segment)
  }

  /// Marks a row of the buffer dead.
  mutating func delete(_ row: Int) {
    guard let index = segments.firstIndex(where: { $0.rows.contains(row) }) else { return }
    let position = segments[index].positions[row - segments[index].rows.lowerBound]
    if position != BufferedSegment.absent { segments[index].deleted.insert(Int(position)) }
  }
}

extension BufferedSegment {
  /// Rows `range` of a day's buffer, to which nothing may be appended meanwhile; nil if all are
  /// dead.
  ///
  /// - Complexity: O(rows) for sorting; columns are made later.
  init?(
    _ buffer: DayBuffer, rows range: Range<Int>, dead: Set<UInt32>, schema: Schema,
    files: SegmentFiles
  ) {
    let (order, keys) = buffer.sortedRows(range, excluding: dead)
    guard !keys.isEmpty else { return nil }
    var positions = [UInt32](repeating: BufferedSegment.absent, count: range.count)
    for (position, row) in order.enumerated() {
      positions[Int(row) - range.lowerBound] = UInt32(truncatingIfNeeded: position)
    }
    let resident = ResidentRows(
      day: buffer.day, order: order,
      captures: schema.columns.map { column in
        buffer.column(column.id).map { ColumnCapture($0, rowCount: buffer.rowCount) }
      })
    let id = BufferedSegment.ids.add(1, ordering: .relaxed).oldValue
    let info = SegmentInfo(id: id, day: buffer.day, keys: keys[...], byteCount: resident.byteCount)
    rows = range
    reader = SegmentReader(
      info: info, resident: resident, fileSystem: files.fileSystem, cache: files.cache)
    self.positions = positions
    deleted = DeletedRows(rowCount: keys.count)
  }
}

extension DayBuffer {
  /// Rows `rows` without the dead ones in segment order, and their keys in that order.
  func sortedRows(_ rows: Range<Int>, excluding dead: Set<UInt32>) -> ([UInt32], [UInt64]) {
    var keys = keys(rows)
    var order = RowOrder.sort(&keys)
    let first = UInt32(truncatingIfNeeded: rows.lowerBound)
    if first > 0 { for index in order.indices { order[index] &+= first } }
    guard !dead.isEmpty else { return (order, keys) }
    var kept = 0
    for index in order.indices where !dead.contains(order[index]) {
      order[kept] = order[index]
      keys[kept] = keys[index]
      kept += 1
    }
    order.removeLast(order.count - kept)
    keys.removeLast(keys.count - kept)
    return (order, keys)
  }
}
