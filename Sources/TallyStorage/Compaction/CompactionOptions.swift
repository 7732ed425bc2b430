/// How segments are rewritten, and when.
package struct CompactionOptions: Sendable {
  /// Bytes of memory for rows, their order and what is to be written.
  package var memoryByteCountMax = 64 << 20
  /// Most rows of a segment, where memory allows.
  package var segmentRowCountMax = 16 * SegmentReader.rowGroupRowCount
  /// Of what compaction writes. Higher levels cost time and save nothing: what is left after
  /// encoding is close to random. Measured in docs/compaction.md.
  package var zstdLevel: Int32 = 1
  /// Bytes written a second, and about as many read; nil: as fast as the disk.
  package var byteCountPerSecondMax: Int?
  /// A segment with a larger share of dead rows is rewritten, in percent.
  package var deadPercentMax = 5
  /// A day that rows came to so recently is left alone ...
  package var quietSeconds = 30
  /// ... unless it has more small segments than this.
  package var busySegmentCountMax = 8
  /// How often the background thread looks by itself.
  package var periodSeconds = 15

  package init() {}

  static let cacheByteCountMax = 8 << 20
  /// What `PartitionRewriter` holds of a row of a new segment, while it is put in order and while
  /// its event id is indexed.
  private static let rowByteCount = 64

  /// Rows of a new segment.
  var rowCountMax: Int {
    let room = max(0, memoryByteCountMax - CompactionOptions.cacheByteCountMax)
    return max(1, min(segmentRowCountMax, max(room / CompactionOptions.rowByteCount, 1 << 16)))
  }

  /// Segments with as many rows are not merged with others. A merge that yields several segments
  /// yields none smaller than this, or it would go on for ever.
  var fullRowCount: Int { max(1, rowCountMax / 4) }

  /// Most rows rewritten in one go: bounds the map from old rows to new ones.
  var totalRowCountMax: Int { 4 * rowCountMax }
}
