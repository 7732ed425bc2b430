package import TallyBase

/// What planning may know about the table: its columns and the values its symbols take. Nothing
/// here knows about segments, so another engine can stand behind a plan.
package protocol Catalog: Sendable {
  var schema: Schema { get }

  /// Whose rows there are; nil: everybody's. Everything a catalog tells is about those rows.
  var scope: OrgScope? { get }

  /// Whether a column exists for who asks: to others its name means nothing.
  func isVisible(column: Int) -> Bool

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

extension Catalog {
  package var scope: OrgScope? { nil }

  package func isVisible(column: Int) -> Bool { true }

  /// The columns that exist for who asks. In a scope those that events brought are in the order of
  /// their names: the order in which they came tells who was first.
  var visibleColumns: [ColumnSchema] {
    guard scope != nil else { return schema.columns }
    return schema.columns.filter(\.isStandard)
      + schema.columns.filter { !$0.isStandard && isVisible(column: $0.id) }
      .sorted { $0.name < $1.name }
  }

  /// The column of a name, if it exists for who asks.
  func column(named name: String) -> ColumnSchema? {
    guard let column = schema.column(named: name), isVisible(column: column.id) else { return nil }
    return column
  }
}

extension ColumnSchema {
  /// Whether every store has the column, whatever events bring.
  package var isStandard: Bool { Schema.standard.column(named: name) != nil }
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
  /// Nil where they hold rows of others too.
  package var segmentCount: Int?
  /// Bytes on disk; nil where they are of others too.
  package var byteCount: Int?

  package init(day: Day, rowCount: Int, segmentCount: Int?, byteCount: Int?) {
    self.day = day
    self.rowCount = rowCount
    self.segmentCount = segmentCount
    self.byteCount = byteCount
  }
}
