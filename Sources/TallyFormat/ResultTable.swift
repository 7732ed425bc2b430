package import TallyBase

/// The rows of one result, as formatters take them.
package struct ResultTable {
  package struct Column: Hashable, Sendable {
    package var name: String
    package var type: LogicalType

    package init(name: String, type: LogicalType) {
      self.name = name
      self.type = type
    }
  }

  package var columns: [Column]
  package var rowCount: Int
  /// Row `index`, one value a column.
  package var row: (_ index: Int) throws -> [Value]
  package var statistics = Statistics()
  package var warnings: [Warning] = []

  package init(
    columns: [Column], rowCount: Int, row: @escaping (_ index: Int) throws -> [Value]
  ) {
    self.columns = columns
    self.rowCount = rowCount
    self.row = row
  }

  /// A note about a query that ran, but was probably not meant so.
  package struct Warning {
    package var message: String
    package var span: SourceSpan?
    package var hint: String?

    package init(message: String, span: SourceSpan?, hint: String?) {
      self.message = message
      self.span = span
      self.hint = hint
    }
  }

  /// What running the query took.
  package struct Statistics {
    package var scannedRowCount = 0
    /// Rows of damaged segments that were left out.
    package var missingRowCount = 0
    /// `rows` or `rollup`
    package var source = "rows"
    package var elapsedMilliseconds = 0.0
  }
}
