import TallyBase

/// The rows of a segment that are dead: replaced by a duplicate, or deleted.
///
/// A list while they are few, which they are in most segments, and a bitmap of the segment's rows
/// once they are many. Copies share memory until one of them changes.
package struct DeletedRows: Hashable, Sendable {
  /// Rows of the segment.
  package let rowCount: Int
  /// Dead rows.
  package private(set) var count = 0
  /// The dead rows, ascending, if they are no more than `listCountMax`.
  private(set) var list: [UInt32] = []
  /// If they are more: bit `row & 63` of word `row >> 6`. Bits at and beyond `rowCount` are zero.
  private(set) var words: [UInt64] = []

  package init(rowCount: Int) { self.rowCount = rowCount }

  /// Up to so many dead rows a list takes half of a bitmap's memory or less.
  private var listCountMax: Int { rowCount / 64 }

  private var isList: Bool { words.isEmpty }

  package var isEmpty: Bool { count == 0 }

  /// Whether `row` is dead. `row` must be in `0..<rowCount`.
  ///
  /// - Complexity: O(log dead rows).
  package func contains(_ row: Int) -> Bool {
    guard isList else { return (words[row >> 6] >> UInt64(row & 63)) & 1 == 1 }
    let position = listPosition(of: row)
    return position < list.count && list[position] == row
  }

  /// Whether any of `rows` is dead. Complexity: one test a word.
  package func intersects(_ rows: Range<Int>) -> Bool {
    guard count > 0, !rows.isEmpty else { return false }
    guard !isList else {
      return listPosition(of: rows.lowerBound) < listPosition(of: rows.upperBound)
    }
    let first = rows.lowerBound >> 6
    let last = (rows.upperBound - 1) >> 6
    for index in first...last where word(index, of: rows) != 0 { return true }
    return false
  }

  /// Dead ones among `rows`. Complexity: one count a word.
  package func count(in rows: Range<Int>) -> Int {
    let rows = rows.clamped(to: 0..<rowCount)
    guard count > 0, !rows.isEmpty else { return 0 }
    guard !isList else {
      return listPosition(of: rows.upperBound) - listPosition(of: rows.lowerBound)
    }
    let first = rows.lowerBound >> 6
    let last = (rows.upperBound - 1) >> 6
    return (first...last).reduce(0) { $0 + word($1, of: rows).nonzeroBitCount }
  }

  /// A word of the bitmap without the bits of rows outside of `rows`.
  private func word(_ index: Int, of rows: Range<Int>) -> UInt64 {
    var word = words[index]
    if index == rows.lowerBound >> 6 { word &= ~0 << UInt64(rows.lowerBound & 63) }
    let last = rows.upperBound - 1
    if index == last >> 6 { word &= ~0 >> UInt64(63 - (last & 63)) }
    return word
  }

  /// How many of the list lie before `row`.
  func listPosition(of row: Int) -> Int { list.partitionPoint { $0 < row } }

  /// - Returns: false if the row was dead already.
  @discardableResult
  package mutating func insert(_ row: Int) -> Bool {
    if isList {
      let position = list.last.map { $0 < row } ?? true ? list.count : listPosition(of: row)
      if position < list.count, list[position] == row { return false }
      if count < listCountMax {
        list.insert(UInt32(truncatingIfNeeded: row), at: position)
        count += 1
        return true
      }
      makeBitmap()
    }
    let bit: UInt64 = 1 << UInt64(row & 63)
    guard words[row >> 6] & bit == 0 else { return false }
    words[row >> 6] |= bit
    count += 1
    return true
  }

  private mutating func makeBitmap() {
    words = [UInt64](repeating: 0, count: (rowCount + 63) / 64)
    for row in list { words[Int(row >> 6)] |= 1 << UInt64(row & 63) }
    list = []
  }

  /// Adds all rows of `other`, which must be of the same segment.
  package mutating func formUnion(_ other: DeletedRows) {
    guard !other.isList else {
      for row in other.list where row < rowCount { insert(Int(row)) }
      return
    }
    if isList { makeBitmap() }
    count = 0
    for index in words.indices {
      words[index] |= index < other.words.count ? other.words[index] : 0
      count += words[index].nonzeroBitCount
    }
  }

  /// Dead rows, ascending.
  package var rows: [Int] {
    guard !isList else { return list.map { Int($0) } }
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
    if count <= listCountMax { list.reserveCapacity(count) } else { makeBitmap() }
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
