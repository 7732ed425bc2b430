package import TallyBase

extension Store {
  /// Rewrites committed segments of one day and puts the new ones in their place, in one commit.
  /// Appends and queries go on meanwhile; rows of the old segments that die meanwhile are dead in
  /// the new ones. Run with the maintenance lock held, so that nobody else replaces segments.
  ///
  /// - Parameter extend: adds to the edit, given the manifest in force and where rows went.
  /// - Returns: rows written.
  /// - Throws: `io`, `diskFull`, `corruption`, `version`, `cancelled`, and what `extend` throws:
  ///   the store is as before.
  @discardableResult
  package func rewrite(
    _ inputs: [SegmentInfo], options: CompactionOptions, cancellation: CancellationToken,
    changes: RewriteChanges = RewriteChanges(),
    extend: (inout ManifestEdit, Manifest) throws(TallyError) -> Void = { _, _ in }
  ) throws(TallyError) -> Int {
    let before = try committedManifest()
    // Compaction can wait for room; whoever deletes by a rewrite cannot.
    var rewriter = PartitionRewriter(
      files: changes.isEmpty ? segmentFiles : committingFiles, ids: segmentIDs,
      schema: before.schema)
    rewriter.options = options
    rewriter.segmentOptions = self.options.segment
    rewriter.segmentOptions.zstdLevel = options.zstdLevel
    rewriter.cancellation = cancellation
    var result = try rewriter.rewrite(inputs, deletedRows: before.deletedRows, changes: changes)
    if changes.isEmpty { result.keepLogRange(of: inputs, deletedRows: before.deletedRows) }
    do throws(TallyError) {
      try publish(result.segments, threadCount: 1, moves: result.moves) {
        manifest throws(TallyError) in
        try cancellation.check()
        var edit = try result.edit(replacing: inputs, before: before, now: manifest)
        try extend(&edit, manifest)
        return edit
      }
    } catch {
      rewriter.remove(result.segments)
      throw error
    }
    return result.rowCount
  }
}

extension RewrittenSegments {
  /// The edit that puts the new segments in place of the old ones.
  ///
  /// - Parameters:
  ///   - before: what the rewrite started from.
  ///   - now: what is committed now.
  /// - Throws: `internal` if an old segment is gone.
  func edit(
    replacing inputs: [SegmentInfo], before: Manifest, now: Manifest
  ) throws(TallyError) -> ManifestEdit {
    let live = Set(now.segments.map(\.id))
    let rowCounts = Dictionary(
      segments.map { ($0.id, $0.rowCount) }, uniquingKeysWith: { first, _ in first })
    var edit = ManifestEdit()
    for input in inputs {
      guard live.contains(input.id) else {
        throw TallyError(
          .internal, "segment \(input.id) was replaced by others while it was rewritten")
      }
      edit.segmentsRemoved.append(input.id)
      guard let dead = now.deletedRows[input.id], let move = moves[input.id] else { continue }
      let known = before.deletedRows[input.id]
      for row in dead.rows where known?.contains(row) != true {
        guard let place = move[row], let rowCount = rowCounts[place.segmentID] else { continue }
        edit.deletedRows[place.segmentID, default: DeletedRows(rowCount: rowCount)].insert(
          place.row)
      }
    }
    return edit
  }

  /// Lets the one new segment stand for the log records of the old ones, if it has their rows, all
  /// of them, and the records follow each other.
  mutating func keepLogRange(of inputs: [SegmentInfo], deletedRows: [UInt64: DeletedRows]) {
    guard segments.count == 1, !inputs.contains(where: { deletedRows[$0.id] != nil }) else {
      return
    }
    let ranges = inputs.compactMap(\.logRange).sorted { $0.lowerBound < $1.lowerBound }
    guard ranges.count == inputs.count, let first = ranges.first else { return }
    var end = first.upperBound
    for range in ranges.dropFirst() {
      guard range.lowerBound == end &+ 1 else { return }
      end = range.upperBound
    }
    segments[0].logRange = first.lowerBound...end
  }
}
