import TallyBase

/// What a rewrite of segments changes, besides leaving out dead rows.
///
/// Sets of rows are `DeletedRows` of the old segments, by segment id.
package struct RewriteChanges: Sendable {
  /// Rows to leave out.
  package var droppedRows: [UInt64: DeletedRows] = [:]
  /// Rows whose value becomes NULL, by column id. Not for `time` and `org`, by which rows are
  /// ordered.
  package var clearedRows: [Int: [UInt64: DeletedRows]] = [:]
  /// Columns in which all rows get the default, as if they had never named them. Not `time` and
  /// `org`.
  package var droppedColumns: Set<Int> = []

  package init() {}

  var isEmpty: Bool { droppedRows.isEmpty && clearedRows.isEmpty && droppedColumns.isEmpty }

  /// - Throws: `internal` if a change is one that a rewrite cannot make.
  func check() throws(TallyError) {
    for column in [Schema.timeColumnID, Schema.orgColumnID]
    where droppedColumns.contains(column) || clearedRows[column] != nil {
      throw TallyError(.internal, "a rewrite was to clear column \(column), which orders rows")
    }
  }
}
