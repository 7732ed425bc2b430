import TallyBase

/// Merges the sorted runs of a day into segments that follow each other, in bounded memory.
///
/// Rows are cut into pieces at exact ranks of the whole order, found by binary search in every
/// run; each piece is then read, sorted and written like rows that came from memory.
struct RunMerger {
  let writer: RunWriter
  /// Rows a piece may have so that it fits in memory.
  let pieceRowCountMax: Int

  /// However small the budget, pieces this large are worth the search for their ends.
  static let pieceRowCountMin = 1 << 16
  /// Runs merged at a time: bounds open files.
  static let fanInMax = 64
  /// Pages kept while searching and reading: a handful per run.
  private static let cacheByteCountMax = 24 << 20

  /// - Parameter runs: in order of arrival; removed when merged.
  /// - Throws: `io`, `corruption` of a temporary segment.
  func merge(_ runs: [SortedRun], day: Day) throws(TallyError) -> SortedRun {
    var runs = runs
    while runs.count > 1 {
      let group = Array(runs.prefix(RunMerger.fanInMax))
      let merged = try mergeGroup(group, day: day)
      for run in group { writer.remove(run) }
      runs.replaceSubrange(0..<group.count, with: [merged])
    }
    return runs.first ?? SortedRun(segments: [])
  }

  private func mergeGroup(_ runs: [SortedRun], day: Day) throws(TallyError) -> SortedRun {
    let cache = PageCache(byteCountMax: RunMerger.cacheByteCountMax)
    let readers = runs.map {
      RunReader(
        writer.readers(of: $0, cache: cache), arrivals: writer.arrivalReaders(of: $0, cache: cache))
    }
    let total = readers.reduce(0) { $0 + $1.rowCount }
    var result = SortedRun(segments: [])
    var positions = [Int](repeating: 0, count: readers.count)
    var done = 0
    while done < total {
      let next = try nextCut(readers, from: positions, done: done, total: total)
      let buffer = DayBuffer(day: day)
      for (index, reader) in readers.enumerated() {
        try reader.append(positions[index]..<next[index], to: buffer, schema: writer.schema)
      }
      // A run names `ingested_at` in every segment, so no row lacks it here.
      let piece = try writer.write(buffer, ingestedAt: .null)
      result.segments.append(contentsOf: piece.segments)
      result.arrivals.merge(piece.arrivals) { _, new in new }
      positions = next
      done = next.reduce(0, +)
    }
    return result
  }

  // MARK: Cutting

  /// Where each run is to be cut so that the rows before make up the next piece.
  private func nextCut(
    _ readers: [RunReader], from positions: [Int], done: Int, total: Int
  ) throws(TallyError) -> [Int] {
    let limit = min(pieceRowCountMax, writer.segmentRowCountMax)
    let remaining = total - done
    let pieceCount = (remaining + limit - 1) / limit
    if pieceCount <= 1 { return readers.map(\.rowCount) }
    let target = done + (remaining + pieceCount - 1) / pieceCount
    let key = try key(atRank: target, in: readers)
    let boundary = try ranks(
      (key >> RowOrder.timeBitCount) << RowOrder.timeBitCount, in: readers)
    if boundary.reduce(0, +) - done > (target - done) / 2 { return boundary }
    // Rows with the very same key may lie on both sides; earlier runs come first.
    var cut = try ranks(key, in: readers)
    let ends = try ranks(key + 1, in: readers)
    var missing = target - cut.reduce(0, +)
    for index in cut.indices where missing > 0 {
      let taken = min(missing, ends[index] - cut[index])
      cut[index] += taken
      missing -= taken
    }
    // Ties that an earlier cut took stay taken.
    return zip(cut, positions).map { max($0, $1) }
  }

  /// The key of the row that `rank` rows precede or tie with: the smallest key such that more
  /// than `rank` rows are not above it.
  private func key(atRank rank: Int, in readers: [RunReader]) throws(TallyError) -> UInt64 {
    var low: UInt64 = 0
    var high: UInt64 = (1 << 62) - 1
    // Ranks of `low` and of `high + 1`, between which all further searches fall.
    var lowRanks = [Int](repeating: 0, count: readers.count)
    var highRanks = readers.map(\.rowCount)
    while low < high {
      let middle = low + (high - low) / 2
      var middleRanks: [Int] = []
      for (index, reader) in readers.enumerated() {
        let range = lowRanks[index]..<highRanks[index]
        middleRanks.append(try reader.rank(of: middle + 1, within: range))
      }
      if middleRanks.reduce(0, +) > rank {
        high = middle
        highRanks = middleRanks
      } else {
        low = middle + 1
        lowRanks = middleRanks
      }
    }
    return low
  }

  private func ranks(_ key: UInt64, in readers: [RunReader]) throws(TallyError) -> [Int] {
    var result: [Int] = []
    for reader in readers { result.append(try reader.rank(of: key, within: 0..<reader.rowCount)) }
    return result
  }
}
