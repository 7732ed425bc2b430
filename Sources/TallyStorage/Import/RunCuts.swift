import TallyBase

/// Cuts sorted runs into pieces at exact ranks of the whole order: every row of a piece precedes
/// every row of the next, equal rows in order of their runs.
struct RunCuts {
  private let readers: [RunReader]
  private let pieceRowCountMax: Int
  private var positions: [Int]

  init(_ readers: [RunReader], pieceRowCountMax: Int) {
    self.readers = readers
    self.pieceRowCountMax = max(1, pieceRowCountMax)
    positions = [Int](repeating: 0, count: readers.count)
  }

  /// The rows of each run that make up the next piece, or nil after the last. Pieces are of about
  /// equal size and end between organisations where that costs little.
  ///
  /// - Throws: `io`, `corruption`.
  mutating func next() throws(TallyError) -> [Range<Int>]? {
    let done = positions.reduce(0, +)
    let total = readers.reduce(0) { $0 + $1.rowCount }
    guard done < total else { return nil }
    let ends = try nextCut(done: done, total: total)
    // Runs that are not in order, as damage may leave them, must not turn back.
    let piece = zip(positions, ends).map { $0..<max($0, $1) }
    positions = piece.map(\.upperBound)
    if positions.reduce(0, +) > done { return piece }
    positions = readers.map(\.rowCount)
    return zip(piece, positions).map { $0.lowerBound..<$1 }
  }

  /// Where each run is to be cut so that the rows before make up the next piece.
  private func nextCut(done: Int, total: Int) throws(TallyError) -> [Int] {
    let remaining = total - done
    let pieceCount = (remaining + pieceRowCountMax - 1) / pieceRowCountMax
    if pieceCount <= 1 { return readers.map(\.rowCount) }
    let target = done + (remaining + pieceCount - 1) / pieceCount
    let key = try key(atRank: target)
    let boundary = try ranks((key >> RowOrder.timeBitCount) << RowOrder.timeBitCount)
    if boundary.reduce(0, +) - done > (target - done) / 2 { return boundary }
    // Rows with the very same key may lie on both sides; earlier runs come first.
    var cut = try ranks(key)
    let ends = try ranks(key + 1)
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
  private func key(atRank rank: Int) throws(TallyError) -> UInt64 {
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

  private func ranks(_ key: UInt64) throws(TallyError) -> [Int] {
    var result: [Int] = []
    for reader in readers { result.append(try reader.rank(of: key, within: 0..<reader.rowCount)) }
    return result
  }
}
