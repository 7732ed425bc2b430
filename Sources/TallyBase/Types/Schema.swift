/// One column of the `usage` table.
package struct ColumnSchema: Hashable, Sendable {
  /// Position in `Schema.columns`. Stable for the life of a store: columns are only appended.
  package var id: Int
  package var name: String
  /// `timestamp`, `symbol`, `text`, `bool`, `int64`, `decimal(18,s)` or `double`; nothing else is
  /// stored.
  package var type: LogicalType
  /// The value of a row that does not name the column. `.null`, or an integer (`requests` is 1).
  package var defaultValue: Value

  package init(id: Int, name: String, type: LogicalType, defaultValue: Value = .null) {
    self.id = id
    self.name = name
    self.type = type
    self.defaultValue = defaultValue
  }
}

/// The columns of the `usage` table: the standard ones in their fixed order, then those that
/// events brought along.
package struct Schema: Hashable, Sendable {
  package private(set) var columns: [ColumnSchema]
  private var idsByName: [String: Int]

  /// Most columns a store may have, standard ones included.
  package static let columnCountMax = 256
  /// Most distinct values of one symbol column.
  package static let dictionaryEntryCountMax = 1 << 24

  package init(columns: [ColumnSchema]) {
    self.columns = columns
    idsByName = [:]
    for column in columns { idsByName[column.name] = column.id }
  }

  package func column(named name: String) -> ColumnSchema? {
    idsByName[name].map { columns[$0] }
  }

  /// Adds a column after the last one and returns it.
  ///
  /// - Parameter columnCountMax: a limit below that of the format.
  /// - Throws: `resourceExhausted` beyond `columnCountMax`.
  package mutating func append(
    name: String, type: LogicalType, columnCountMax: Int = Schema.columnCountMax
  ) throws(TallyError) -> ColumnSchema {
    let limit = min(columnCountMax, Schema.columnCountMax)
    guard columns.count < limit else {
      throw TallyError(
        .resourceExhausted,
        "column '\(name)' would be number \(columns.count + 1), the limit is \(limit)",
        hint: "put rarely used fields into 'metadata'")
    }
    let column = ColumnSchema(id: columns.count, name: name, type: type)
    columns.append(column)
    idsByName[name] = column.id
    return column
  }
}
