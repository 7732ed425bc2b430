import TallyBase

/// What becomes of each column when a day's rows give way to their totals.
///
/// - Symbols and bools tell totals apart, but for those that name a person, a key or a session:
///   `user`, `end_user`, `api_key`, and columns that events brought whose name says so.
/// - Integers and decimals are summed, but for measurements that have no sum (latencies, quality)
///   and numbers that are codes (`http_status`, `price_id`).
/// - `time` becomes the start of the day, `ingested_at` that of the row that came last.
/// - All else is gone: text, doubles, other timestamps.
struct TotalsColumns {
  /// Tell totals apart.
  let keys: [ColumnSchema]
  let sums: [ColumnSchema]
  /// Columns of which totals have nothing.
  let dropped: Set<Int>

  private static let identities: Set<String> = ["user", "end_user", "api_key"]
  private static let identityParts = ["user", "session", "trace", "conversation", "thread"]
  private static let unsummable: Set<String> = [
    "latency_ms", "ttft_ms", "quality", "http_status", "price_id",
  ]

  init(_ schema: Schema) {
    var keys: [ColumnSchema] = []
    var sums: [ColumnSchema] = []
    var dropped: Set<Int> = []
    for column in schema.columns
    where column.id != Schema.timeColumnID && column.id != Schema.ingestedAtColumnID {
      switch column.type {
      case .symbol where !TotalsColumns.isIdentity(column), .bool: keys.append(column)
      case .int64 where !TotalsColumns.unsummable.contains(column.name),
        .decimal where !TotalsColumns.unsummable.contains(column.name):
        sums.append(column)
      default: dropped.insert(column.id)
      }
    }
    (self.keys, self.sums, self.dropped) = (keys, sums, dropped)
  }

  /// Whether a symbol column names a person, a key or a session.
  static func isIdentity(_ column: ColumnSchema) -> Bool {
    if identities.contains(column.name) { return true }
    guard column.id >= Schema.standard.columns.count else { return false }
    return identityParts.contains { part in
      column.name.utf8.indices.contains { start in
        column.name.utf8[start...].starts(with: part.utf8)
      }
    }
  }
}
