import TallyBase

/// The rows of a segment that are dead: replaced by a duplicate, or deleted.
///
/// A bitmap of the segment's rows. Copies share memory until one of them changes.
package struct DeletedRows: Hashable, Sendable {
  /// Rows of the segment.
  package let rowCount: Int
  /// Dead rows.
  package private(set) var count = 0
  /// Bit `row & 63` of word `row >> 6`. Bits at and beyond `rowCount` are zero.
  package private(set) var words: [UInt64]

  package init(rowCount: Int) {
    self.rowCount = rowCount
    words = [UInt64](repeating: 0, count: (rowCount + 63) / 64)
  }

  package var isEmpty: Bool { count == 0 }

  /// Whether `row` is dead. `row` must be in `0..<rowCount`.
  package func contains(_ row: Int) -> Bool {
    (words[row >> 6] >> UInt64(row & 63)) & 1 == 1
  }

  /// Whether any of `rows` is dead. Complexity: one test a word.
  package func intersects(_ rows: Range<Int>) -> Bool {
    guard count > 0, !rows.isEmpty else { return false }
    let first = rows.lowerBound >> 6
    let last = (rows.upperBound - 1) >> 6
    for index in first...last {
      var word = words[index]
      if index == first { word &= ~0 << UInt64(rows.lowerBound & 63) }
      if index == last { word &= ~0 >> UInt64(63 - ((rows.upperBound - 1) & 63)) }
      if word != 0 { return true }
    }
    return false
  }

  /// Dead ones among `rows`. Complexity: one count a word.
  package func count(in rows: Range<Int>) -> Int {
    let rows = rows.clamped(to: 0..<rowCount)
    guard count > 0, !rows.isEmpty else { return 0 }
    let first = rows.lowerBound >> 6
    let last = (rows.upperBound - 1) >> 6
    var total = 0
    for index in first...last {
      var word = words[index]
      if index == first { word &= ~0 << UInt64(rows.lowerBound & 63) }
      if index == last { word &= ~0 >> UInt64(63 - ((rows.upperBound - 1) & 63)) }
      total += word.nonzeroBitCount
    }
    return total
  }

  /// - Returns: false if the row was dead already.
  @discardableResult
  package mutating func insert(_ row: Int) -> Bool {
    let bit: UInt64 = 1 << UInt64(row & 63)
    guard words[row >> 6] & bit == 0 else { return false }
    words[row >> 6] |= bit
    count += 1
    return true
  }

  /// Adds all rows of `other`, which must be of the same segment.
  package mutating func formUnion(_ other: DeletedRows) {
    guard other.count > 0 else { return }
    count = 0
    for index in words.indices {
      words[index] |= index < other.words.count ? other.words[index] : 0
      count += words[index].nonzeroBitCount
    }
  }

  /// Dead rows, ascending.
  package var rows: [Int] {
    var rows: [Int] = []
    rows.reserveCapacity(count)
    for (index, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        rows.append(index << 6 + rest.trailingZeroBitCount)
        rest &= rest &- 1
      }
    }
    return rows
  }

  // MARK: On disk

  /// Row count, dead row count, then the distance of each dead row from the one before.
  func append(to writer: inout ByteWriter) {
    writer.appendVarint(rowCount)
    writer.appendVarint(count)
    var previous = 0
    for row in rows {
      writer.appendVarint(row - previous)
      previous = row
    }
  }

  /// - Throws: `corruption`.
  init(from reader: inout ByteReader) throws(TallyError) {
    let rowCount = try reader.readCount(upTo: Int(Int32.max), "the number of rows of a segment")
    let count = try reader.readCount(
      upTo: min(rowCount, reader.remainingCount), "the number of deleted rows")
    self.init(rowCount: rowCount)
    var row = 0
    for index in 0..<count {
      let distance = try reader.readCount(upTo: rowCount, "the distance of a deleted row")
      row += distance
      guard row < rowCount, index == 0 || distance > 0 else {
        throw reader.corruption("row \(row) is deleted of a segment of \(rowCount) rows")
      }
      insert(row)
    }
  }
}
