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
