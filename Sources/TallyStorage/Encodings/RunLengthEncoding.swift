import TallyBase

/// Values and how often each repeats.
///
/// Layout: run count varint; per run: length varint (at least 1); per run: difference from the
/// value before (from 0 for the first) signed varint.
struct RunLengthEncoding: IntegerDecoder {
  private let ends: [Int32]
  private let values: [Int64]
  private let rowCount: Int
  /// The run that each block starts in.
  private let firstRuns: [Int32]

  init(_ reader: inout ByteReader, rowCount: Int) throws(TallyError) {
    let runCount = try reader.readCount(upTo: rowCount, "a run count")
    var ends: [Int32] = []
    ends.reserveCapacity(runCount)
    var row = 0
    for _ in 0..<runCount {
      let length = try reader.readCount(upTo: rowCount - row, "a run length")
      guard length > 0 else { throw reader.corruption("a run is empty") }
      row += length
      ends.append(Int32(row))
    }
    guard row == rowCount else {
      throw reader.corruption("runs cover \(row) rows, expected \(rowCount)")
    }
    var values: [Int64] = []
    values.reserveCapacity(runCount)
    var value: Int64 = 0
    for _ in 0..<runCount {
      value &+= try reader.readSignedVarint()
      values.append(value)
    }
    try reader.expectEnd()
    self.ends = ends
    self.values = values
    self.rowCount = rowCount
    firstRuns = RunLengthEncoding.firstRuns(ends, rowCount: rowCount)
  }

  private static func firstRuns(_ ends: [Int32], rowCount: Int) -> [Int32] {
    var run = 0
    return (0..<Blocks.count(rowCount: rowCount)).map { block in
      while Int(ends[run]) <= block * Page.blockRowCount { run += 1 }
      return Int32(run)
    }
  }

  static func encode(_ source: [Int64], into writer: inout ByteWriter) {
    var lengths: [Int] = []
    var values: [Int64] = []
    for value in source {
      if let last = values.last, last == value {
        lengths[lengths.count - 1] += 1
      } else {
        values.append(value)
        lengths.append(1)
      }
    }
    writer.appendVarint(lengths.count)
    for length in lengths { writer.appendVarint(length) }
    var previous: Int64 = 0
    for value in values {
      writer.appendSignedVarint(value &- previous)
      previous = value
    }
  }

  var heldByteCount: Int { ends.count * 12 + firstRuns.count * 4 }
  var runs: (ends: [Int32], values: [Int64])? { (ends, values) }
  var knownBounds: ClosedRange<Int64>? {
    guard let least = values.min(), let greatest = values.max() else { return nil }
    return least...greatest
  }

  func decodeInt64(block: Int, into target: UnsafeMutablePointer<Int64>) {
    forEachRun(block: block) { rows, value in
      // SAFETY: `rows` lies within the block's 1,024 entries.
      unsafe (target + rows.lowerBound).update(repeating: value, count: rows.count)
    }
  }

  func decodeNarrow(block: Int, into target: UnsafeMutablePointer<UInt32>) -> Affine? {
    var minimum = Int64.max
    var maximum = Int64.min
    forEachRun(block: block) { _, value in
      minimum = min(minimum, value)
      maximum = max(maximum, value)
    }
    let base = minimum
    guard UInt64(bitPattern: maximum &- minimum) <= UInt64(UInt32.max) else { return nil }
    forEachRun(block: block) { rows, value in
      // SAFETY: as above.
      unsafe (target + rows.lowerBound).update(
        repeating: UInt32(truncatingIfNeeded: value &- base), count: rows.count)
    }
    return Affine(base: base, scale: 1)
  }

  @inline(__always)
  private func forEachRun(block: Int, _ body: (Range<Int>, Int64) -> Void) {
    let start = block * Page.blockRowCount
    let rows = Blocks.rowCount(block, of: rowCount)
    var run = Int(firstRuns[block])
    var row = 0
    while row < rows {
      let end = min(rows, Int(ends[run]) - start)
      body(row..<end, values[run])
      row = end
      run += 1
    }
  }
}
