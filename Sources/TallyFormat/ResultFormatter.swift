/// Where formatted results go.
package protocol TextOutput: AnyObject {
  func write(_ text: String) throws
  func write(_ bytes: [UInt8]) throws
}

/// Writes results in one output format.
package protocol ResultFormatter {
  /// Writes all rows. The caller flushes.
  func write(_ table: ResultTable, to output: any TextOutput) throws
}

/// The output formats of the command line.
package enum OutputFormat: String, CaseIterable, Sendable {
  case table, csv, tsv, json, jsonl, markdown

  /// - Parameter layout: used by `table` only.
  package func formatter(_ layout: TableFormatter.Layout) -> any ResultFormatter {
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
