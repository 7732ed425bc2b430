import SystemPackage
import TallyBase
import TallyFile

/// What a rewrite made.
struct RewrittenSegments {
  /// Complete files under their temporary names, in the order of their rows.
  var segments: [SegmentInfo] = []
  /// Where rows went, by id of the old segment.
  var moves: [UInt64: RowMove] = [:]
  var rowCount: Int { segments.reduce(0) { $0 + $1.rowCount } }
}

/// Writes the rows of some segments of one day anew, as few sorted segments as their size allows.
/// Dead rows are left out; `RewriteChanges` says what else changes.
///
/// Memory: some 64 bytes a row of one new segment, 4 bytes a row of all old ones, a page of
/// values, and a cache of 8 MiB, whatever the number and width of the columns.
struct PartitionRewriter {
  let files: SegmentFiles
  let ids: SegmentIDs
  let schema: Schema
  var options = CompactionOptions()
  var segmentOptions = SegmentWriter.Options()
  var cancellation = CancellationToken()

  /// - Parameters:
  ///   - inputs: committed segments of one day, in order of their ids. Any number, though what is
  ///     above `CompactionOptions.totalRowCountMax` rows takes memory beyond the limit.
  ///   - deletedRows: dead rows by segment id.
  /// - Throws: `io`, `corruption`, `version`, `cancelled`; nothing is left behind then.
  func rewrite(
    _ inputs: [SegmentInfo], deletedRows: [UInt64: DeletedRows],
    changes: RewriteChanges = RewriteChanges()
  ) throws(TallyError) -> RewrittenSegments {
    try changes.check()
    guard let day = inputs.first?.day, inputs.allSatisfy({ $0.day == day }) else {
      throw TallyError(.internal, "segments of several days were to be rewritten as one")
    }
    let cache = PageCache(byteCountMax: CompactionOptions.cacheByteCountMax)
    var sources: [RewriteInput] = []
    for info in inputs {
      sources.append(
        try RewriteInput(
          files.committed(info, cache: cache), dead: deletedRows[info.id], changes: changes))
    }
    var work = Work(sources)
    do throws(TallyError) {
      try rewrite(sources, day: day, into: &work)
    } catch {
      remove(work.segments)
      throw error
    }
    return work.result(inputs)
  }

  /// Removes segments that were written and are not going to be committed.
  func remove(_ segments: [SegmentInfo]) {
    for segment in segments {
      try? files.fileSystem.remove(files.layout.temporarySegment(id: segment.id))
    }
  }

  private func rewrite(
    _ inputs: [RewriteInput], day: Day, into work: inout Work
  ) throws(TallyError) {
    let total = inputs.reduce(0) { $0 + $1.reader.info.rowCount }
    let live = inputs.reduce(0) { $0 + $1.liveRowCount }
    // Pieces are cut by all rows, of which only those that live need room; where they are dead is
    // another matter, hence the bound.
    let limit = live == 0 ? total : options.rowCountMax * total / live
    var cuts = RunCuts(
      inputs.map { RunReader([$0.reader]) },
      pieceRowCountMax: min(limit, 2 * options.rowCountMax))
    let limiter = RateLimiter(
      byteCountPerSecond: options.byteCountPerSecondMax, cancellation: cancellation)
    while let piece = try cuts.next() {
      let rows = try MergedRows(inputs, piece: piece, day: day, schema: schema) {
        [cancellation] () throws(TallyError) in try cancellation.check()
      }
      guard rows.rowCount > 0 else { continue }
      work.append(try write(rows, limiter), rows)
    }
  }

  private func write(
    _ rows: MergedRows, _ limiter: RateLimiter
  ) throws(TallyError) -> SegmentInfo {
    var info = SegmentInfo(
      id: ids.take(), day: rows.day, rowCount: rows.rowCount, byteCount: 0,
      timeMinimum: rows.timeMinimum, timeMaximum: rows.timeMaximum)
    let path = files.layout.temporarySegment(id: info.id)
    let file = try files.fileSystem.open(path, .createNew)
    do throws(TallyError) {
      info.byteCount = try SegmentWriter.encode(rows, options: segmentOptions) {
        (bytes, offset) throws(TallyError) in
        try file.write(bytes, at: offset)
        try limiter.spend(bytes.count)
      }
      try file.close()
    } catch {
      try? file.close()
      try? files.fileSystem.remove(path)
      throw error
    }
    return info
  }

  /// What has been written so far, and where rows went.
  private struct Work {
    private(set) var segments: [SegmentInfo] = []
    private var targets = RowMove.Targets()
    private var positions: [[UInt32]]

    init(_ inputs: [RewriteInput]) {
      positions = inputs.map {
        [UInt32](repeating: RowMove.absent, count: $0.reader.info.rowCount)
      }
    }

    mutating func append(_ segment: SegmentInfo, _ rows: MergedRows) {
      var position = UInt32(truncatingIfNeeded: targets.rowCount)
      rows.forEachPlace { input, row in
        positions[input][row] = position
        position &+= 1
      }
      targets.append(segment)
      segments.append(segment)
    }

    func result(_ inputs: [SegmentInfo]) -> RewrittenSegments {
      var result = RewrittenSegments(segments: segments)
      for (input, positions) in zip(inputs, positions) {
        result.moves[input.id] = RowMove(positions: positions, targets: targets)
      }
      return result
    }
  }
}
