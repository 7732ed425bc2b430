package import TallyBase
package import TallyPlanning

/// A catalog over rows in memory: its dictionaries hold exactly the names the rows use.
package struct TestCatalog: Catalog {
  package var schema: Schema
  private var dictionaries: [Int: Set<ByteString>] = [:]
  private var days: [Day: Int] = [:]

  package init(schema: Schema = .standard, rows: [[Value]] = []) {
    self.schema = schema
    for row in rows {
      for column in schema.columns where column.type == .symbol {
        if case .text(let text) = row[column.id] {
          dictionaries[column.id, default: []].insert(text)
        }
      }
      if case .timestamp(let time) = row[Schema.timeColumnID] {
        days[Day(containing: time), default: 0] += 1
      }
    }
  }

  package func symbolCount(column: Int) -> Int { dictionaries[column]?.count ?? 0 }

  package func symbolsNear(_ text: String, column: Int, limit: Int) -> [String] {
    Suggestion.nearest(
      to: text, among: symbols(column: column).map(\.string).sorted(), limit: limit)
  }

  package func hasSymbol(_ text: ByteString, column: Int) -> Bool {
    dictionaries[column]?.contains(text) ?? false
  }

  package func symbols(column: Int) -> [ByteString] { Array(dictionaries[column] ?? []) }

  package func rollups() -> [RollupSummary] { [] }

  package func rejects() -> [RejectSummary] { [] }

  package func partitions() -> [PartitionSummary] {
    days.keys.sorted().map { day in
      PartitionSummary(day: day, rowCount: days[day] ?? 0, segmentCount: 1, byteCount: 0)
    }
  }
}
