/// Rows on their way into a store, column by column.
///
/// Importers and embedded callers fill it; the storage layer sorts, partitions and encodes it. A
/// batch names only the columns its rows mention; the rest take the schema's default. Every
/// column has exactly `rowCount` entries.
package struct EventBatch: Sendable {
  package var rowCount: Int
  package var columns: [EventColumn]

  package init(rowCount: Int = 0, columns: [EventColumn] = []) {
    self.rowCount = rowCount
    self.columns = columns
  }

  package func column(named name: String) -> EventColumn? {
    columns.first { $0.name == name }
  }
}

/// One column of an `EventBatch`.
package struct EventColumn: Sendable {
  package var name: String
  /// A stored type (see `ColumnSchema.type`); decides which case `values` is.
  package var type: LogicalType
  package var values: Values
  /// One byte a row, 1 = present, 0 = NULL; empty when every row is present. Symbol columns say
  /// NULL by code 0 and always leave it empty.
  package var validity: [UInt8]

  /// The values, in row order. Entries of NULL rows are zero and carry no meaning.
  package enum Values: Sendable {
    /// `timestamp` (microseconds), `int64`, `decimal(18,s)` (unscaled).
    case int64([Int64])
    /// `bool`: 0 or 1.
    case bool([UInt8])
    case double([Double])
    /// `symbol`: codes into `table`, which is local to this batch. Code 0 is NULL.
    case symbol(codes: [SymbolCode], table: StringTable)
    /// `text`: the bytes of row i are `bytes[offsets[i]..<offsets[i + 1]]`.
    case text(offsets: [Int], bytes: [UInt8])
  }

  package init(name: String, type: LogicalType, values: Values, validity: [UInt8] = []) {
    self.name = name
    self.type = type
    self.values = values
    self.validity = validity
  }
}
