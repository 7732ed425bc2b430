import TallyBase
import TallyClient
import TallyFormat

extension ResultTable {
  /// The rows of a server.
  init(
    _ columns: [TallyClient.Column], rowCount: Int, row: @escaping (_ index: Int) -> [Value]
  ) {
    self.init(
      columns: columns.map { Column(name: $0.name, type: LogicalType(wireName: $0.type)) },
      rowCount: rowCount, row: row)
  }

  /// Takes over what the server said beside the rows.
  mutating func describe(
    _ summary: TallyClient.Summary?, _ warnings: [TallyClient.Warning]
  ) {
    self.warnings = warnings.map { warning in
      let span = warning.place.flatMap { place in
        place.offset.map { SourceSpan($0, $0 + (place.length ?? 0)) }
      }
      return Warning(message: warning.message, span: span, hint: warning.hint)
    }
    guard let summary else { return }
    statistics.scannedRowCount = summary.readRowCount
    statistics.missingRowCount = summary.missingRowCount ?? 0
    statistics.source = summary.source
    statistics.elapsedMilliseconds = summary.milliseconds
  }
}

extension LogicalType {
  private static let names: [String: LogicalType] = [
    "bool": .bool, "int64": .int64, "int128": .int128, "double": .double,
    "timestamp": .timestamp, "date": .date, "symbol": .symbol, "null": .null,
  ]

  /// The type of the name in a result; text for what is not known, as intervals come as text.
  init(wireName: String) {
    if let match = wireName.wholeMatch(of: /decimal\((\d+),(\d+)\)/),
      let precision = Int(match.1), let scale = Int(match.2)
    {
      self = .decimal(precision: precision, scale: scale)
    } else {
      self = LogicalType.names[wireName] ?? .text
    }
  }
}
