import Synchronization
import TallyBase
import TallyStorage

/// Parts of segments that a query which may answer partially leaves out, because they cannot be
/// read.
struct LeftOut: Sendable {
  /// Segments whose directory cannot be read.
  private var segments: Set<UInt64> = []
  private var rowGroups: [UInt64: Set<Int>] = [:]

  var isEmpty: Bool { segments.isEmpty && rowGroups.isEmpty }

  /// - Parameter rowGroup: nil: all of them.
  mutating func insert(_ segmentID: UInt64, rowGroup: Int?) {
    if let rowGroup {
      rowGroups[segmentID, default: []].insert(rowGroup)
    } else {
      segments.insert(segmentID)
    }
  }

  mutating func formUnion(_ other: LeftOut) {
    segments.formUnion(other.segments)
    rowGroups.merge(other.rowGroups) { $0.union($1) }
  }

  func contains(_ segmentID: UInt64) -> Bool { segments.contains(segmentID) }

  func contains(_ segmentID: UInt64, rowGroup: Int) -> Bool {
    rowGroups[segmentID]?.contains(rowGroup) ?? false
  }
}

extension QueryContext {
  /// Takes note that a part of a segment cannot be read, if that is what `error` says and the
  /// query may leave it out. The run that met it goes on, to find what else is damaged; its result
  /// is of no use.
  ///
  /// - Parameter rowGroup: nil: the whole segment.
  /// - Returns: false if the error is to be thrown.
  func leavesOut(_ segment: SegmentReader, rowGroup: Int?, after error: TallyError) -> Bool {
    guard options.allowsPartialAnswers, error.path ?? segment.pathText == segment.pathText,
      error.code == .corruption || (error.code == .io && error.path != nil)
    else { return false }
    damage.withLock { $0.insert(segment.info.id, rowGroup: rowGroup) }
    return true
  }

  /// - Throws: `corruption` if the segment is known to be damaged and may not be left out.
  /// - Returns: whether it is left out.
  func leavesOut(_ segment: SegmentReader) throws(TallyError) -> Bool {
    let id = segment.info.id
    if leftOut.contains(id) { return true }
    guard let reason = snapshot.damagedSegments[id] else { return false }
    if options.allowsPartialAnswers { return true }
    throw TallyError(
      .corruption, "segment \(id) is marked as damaged: \(reason)",
      hint: "run 'tally repair', or SET allow_partial = true to leave it out",
      path: segment.pathText)
  }

  /// Rows of a segment that are not dead.
  func liveRowCount(_ segment: SegmentReader, rows: Range<Int>? = nil) -> Int {
    let all = rows ?? 0..<segment.info.rowCount
    return all.count - (snapshot.deletedRows[segment.info.id]?.count(in: all) ?? 0)
  }
}
