import TallyBase

/// Some rows of a day's buffer in the form of a segment, so that queries read buffer and disk
/// alike. Lives in memory; pages are stored as they are.
struct BufferedSegment {
  /// Rows of the day's buffer that the segment has, those excepted that were dead when it was made.
  let rows: Range<Int>
  let reader: SegmentReader
  /// By row of `rows`: the segment's row, or `BufferedSegment.absent`.
  let positions: [UInt32]
  /// Rows that died since.
  var deleted: DeletedRows

  static let absent = UInt32.max
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

/// The rows of a segment to be, gathered and in order, before they are encoded.
struct GatheredRows {
  let day: Day
  let rows: Range<Int>
  let keys: [UInt64]
  let columns: [SegmentColumnData]
  let positions: [UInt32]

  /// - Parameter dead: rows of the buffer to leave out.
  init(_ buffer: DayBuffer, rows: Range<Int>, dead: Set<UInt32>, writer: RunWriter) {
    let (order, keys) = buffer.sortedRows(rows, excluding: dead)
    var positions = [UInt32](repeating: BufferedSegment.absent, count: rows.count)
    for (position, row) in order.enumerated() {
      positions[Int(row) - rows.lowerBound] = UInt32(truncatingIfNeeded: position)
    }
    day = buffer.day
    self.rows = rows
    self.keys = keys
    self.positions = positions
    columns = writer.gather(buffer, order: order[...], ingestedAt: .null, dropping: false)
  }

  /// - Throws: `internal`, `resourceExhausted`.
  func encoded(id: UInt64, files: SegmentFiles) throws(TallyError) -> BufferedSegment {
    var options = SegmentWriter.Options(forcedEncoding: .plain)
    options.isCompressing = false
    options.isQuick = true
    let bytes = try SegmentWriter.encode(
      day: day, rowCount: keys.count, columns: columns, options: options)
    let info = SegmentInfo(id: id, day: day, keys: keys[...], byteCount: bytes.count)
    let reader = SegmentReader(
      info: info, resident: bytes, fileSystem: files.fileSystem, cache: files.cache)
    return BufferedSegment(
      rows: rows, reader: reader, positions: positions,
      deleted: DeletedRows(rowCount: keys.count))
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
