import TallyBase

/// The rows of one result, as formatters take them.
struct ResultTable {
  struct Column {
    var name: String
    var type: LogicalType
  }

  var columns: [Column]
  var rowCount: Int
  /// Row `index`, one value a column.
  var row: (_ index: Int) throws -> [Value]
  var statistics = Statistics()
  var warnings: [Warning] = []

  /// A note about a query that ran, but was probably not meant so.
  struct Warning {
    var message: String
    var span: SourceSpan?
    var hint: String?
  }

  /// What running the query took.
  struct Statistics {
    var scannedRowCount = 0
    /// Rows of damaged segments that were left out.
    var missingRowCount = 0
    /// `rows` or `rollup`
    var source = "rows"
    var elapsedMilliseconds = 0.0
  }
}

/// Writes results in one output format.
protocol ResultFormatter {
  /// Writes all rows. The caller flushes.
  func write(_ table: ResultTable, to output: OutputBuffer) throws
}

/// The output formats of the command line.
enum OutputFormat: String, CaseIterable {
  case table, csv, tsv, json, jsonl, markdown

  /// - Parameter layout: used by `table` only.
  func formatter(_ layout: TableFormatter.Layout) -> any ResultFormatter {
    switch self {
    case .table: TableFormatter(layout: layout)
    case .csv: CSVFormatter()
    case .tsv: TSVFormatter()
    case .json: JSONFormatter(isLines: false)
    case .jsonl: JSONFormatter(isLines: true)
    case .markdown: MarkdownFormatter()
    }
  }
}
