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
    var cuts = RunCuts(
      readers, pieceRowCountMax: min(pieceRowCountMax, writer.segmentRowCountMax))
    var result = SortedRun(segments: [])
    while let piece = try cuts.next() {
      let buffer = DayBuffer(day: day)
      for (index, reader) in readers.enumerated() {
        try reader.append(piece[index], to: buffer, schema: writer.schema)
      }
      // A run names `ingested_at` in every segment, so no row lacks it here.
      let written = try writer.write(buffer, ingestedAt: .null)
      result.segments.append(contentsOf: written.segments)
      result.arrivals.merge(written.arrivals) { _, new in new }
    }
    return result
  }
}
