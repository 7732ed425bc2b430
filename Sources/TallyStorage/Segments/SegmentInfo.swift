package import TallyBase

/// What the manifest says of a segment, enough to prune it without opening it.
package struct SegmentInfo: Hashable, Sendable {
  /// Unique in the store, never reused.
  package var id: UInt64
  package var day: Day
  package var rowCount: Int
  /// Length of the file in bytes.
  package var byteCount: Int64
  /// Smallest and largest `time` in microseconds.
  package var timeMinimum: Int64
  package var timeMaximum: Int64
  /// Log records whose rows of the day are the segment's, all of them and no others; nil when
  /// some of its rows never were in the log.
  package var logRange: ClosedRange<UInt64>?

  package init(
    id: UInt64, day: Day, rowCount: Int, byteCount: Int64, timeMinimum: Int64,
    timeMaximum: Int64, logRange: ClosedRange<UInt64>? = nil
  ) {
    self.id = id
    self.day = day
    self.rowCount = rowCount
    self.byteCount = byteCount
    self.timeMinimum = timeMinimum
    self.timeMaximum = timeMaximum
    self.logRange = logRange
  }
}
