package import TallyBase

/// What planning may know about the table: its columns and the values its symbols take. Nothing
/// here knows about segments, so another engine can stand behind a plan.
package protocol Catalog: Sendable {
  var schema: Schema { get }

  /// The number of entries in a symbol column's dictionary, NULL not counted.
  func symbolCount(column: Int) -> Int

  /// Values of a symbol column that are near `text`, nearest first, for hints.
  func symbolsNear(_ text: String, column: Int, limit: Int) -> [String]

  /// Whether a symbol column's dictionary has the value.
  func hasSymbol(_ text: ByteString, column: Int) -> Bool

  /// All entries of a symbol column's dictionary, in any order, NULL not among them.
  func symbols(column: Int) -> [ByteString]

  /// The days that hold rows, ascending.
  func partitions() -> [PartitionSummary]

  /// The sums that are kept ready, one entry a kind.
  func rollups() -> [RollupSummary]

  /// Rows that could not be taken, oldest first, as far as they are kept.
  func rejects() -> [RejectSummary]
}

/// One line of `SHOW REJECTS`.
package struct RejectSummary: Hashable, Sendable {
  /// When it was refused.
  package var timeMicroseconds: Int64
  /// What it came from.
  package var source: String
  /// 1-based line or row of the source.
  package var line: Int
  /// The field at fault; empty if the row as a whole is.
  package var field: String
  package var reason: String
  /// The beginning of the row as it came.
  package var text: String

  package init(
    timeMicroseconds: Int64, source: String, line: Int, field: String, reason: String,
    text: String
  ) {
    self.timeMicroseconds = timeMicroseconds
    self.source = source
    self.line = line
    self.field = field
    self.reason = reason
    self.text = text
  }
}

/// One line of `SHOW ROLLUPS`.
package struct RollupSummary: Hashable, Sendable {
  /// What it groups by: `org, model by day`.
  package var title: String
  /// What it has of each group.
  package var contents: String
  package var segmentCount: Int
  package var rowCount: Int
  /// Bytes on disk.
  package var byteCount: Int
  /// Of the bytes of all segments.
  package var share: Double

  package init(
    title: String, contents: String, segmentCount: Int, rowCount: Int, byteCount: Int,
    share: Double
  ) {
    self.title = title
    self.contents = contents
    self.segmentCount = segmentCount
    self.rowCount = rowCount
    self.byteCount = byteCount
    self.share = share
  }
}

/// One line of `SHOW PARTITIONS`.
package struct PartitionSummary: Hashable, Sendable {
  package var day: Day
  package var rowCount: Int
  /// Immutable files of the day; 0 where its rows are still in memory only.
  package var segmentCount: Int
  /// Bytes on disk.
  package var byteCount: Int

  package init(day: Day, rowCount: Int, segmentCount: Int, byteCount: Int) {
    self.day = day
    self.rowCount = rowCount
    self.segmentCount = segmentCount
    self.byteCount = byteCount
  }
}
