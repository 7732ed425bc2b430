import TallyBase
import TallyPlanning

/// Orders rows of a `RowStore` by sort keys.
///
/// The first key is turned into unsigned integers that ascend in sort order, so most comparisons
/// are one machine instruction; ties go to the other keys, then to the sequence number. Texts are
/// compared by their ranks, which are looked up once a row.
struct RowOrder {
  private let keys: [LogicalPlan.SortKey]
  private let columns: [StoredColumn]
  private let sequence: [Int64]
  private let primary: [UInt64]
  /// By key: the rank of each row's text in byte order; empty for other keys.
  private let ranks: [[UInt32]]

  init(
    keys: [LogicalPlan.SortKey], columns: [StoredColumn], sequence: [Int64]
  ) throws(TallyError) {
    self.keys = keys
    self.columns = columns
    self.sequence = sequence
    var ranks: [[UInt32]] = []
    for column in columns { ranks.append(try RowOrder.rank(column)) }
    self.ranks = ranks
    var primary = [UInt64](repeating: 0, count: sequence.count)
    if let key = keys.first, let column = columns.first {
      for row in primary.indices {
        primary[row] = RowOrder.primary(column, row, key, ranks[0])
      }
    }
    self.primary = primary
  }

  /// What ordering holds beside the rows: integers, ranks and row numbers.
  static func byteCount(rowCount: Int, keyCount: Int) -> Int { rowCount * (24 + 4 * keyCount) }

  private static func rank(_ column: StoredColumn) throws(TallyError) -> [UInt32] {
    guard column.layout == .code, let pool = column.pool else { return [] }
    return try pool.withTable { (table) throws(TallyError) in
      TextOrder.ranks(column.codes, in: table)
    }
  }

  /// NULLs go to one end whatever the direction; 0 and .max are theirs alone.
  private static func primary(
    _ column: StoredColumn, _ row: Int, _ key: LogicalPlan.SortKey, _ ranks: [UInt32]
  ) -> UInt64 {
    if column.isNull(row) { return key.nullsFirst ? 0 : .max }
    let signed: Int64 =
      switch column.layout {
      case .int64: column.int64s[row]
      case .double: TotalOrder.key(column.doubles[row])
      case .bool: Int64(column.bools[row])
      case .code: ranks.isEmpty ? 0 : Int64(ranks[row])
      case .int128: Int64(clamping: column.int128s[row])
      }
    let ascending = UInt64(bitPattern: signed) ^ (1 << 63)
    let directed = key.isDescending ? ~ascending : ascending
    return min(max(directed, 1), .max - 1)
  }

  /// Row numbers in order, at most the first `count`.
  ///
  /// - Complexity: O(n log n) comparisons, nearly all of them of one integer.
  func sorted(rowCount: Int, first count: Int) -> [Int] {
    var rows = (0..<rowCount).map { (primary: primary[$0], row: $0) }
    rows.sort { a, b in
      a.primary != b.primary ? a.primary < b.primary : precedes(a.row, b.row)
    }
    return rows.prefix(count).map(\.row)
  }

  /// Whether row `a` comes first, though the integers of both are equal.
  private func precedes(_ a: Int, _ b: Int) -> Bool {
    for (index, key) in keys.enumerated() {
      let order = compare(columns[index], a, b, key, ranks[index])
      if order != 0 { return order < 0 }
    }
    return sequence[a] < sequence[b]
  }

  private func compare(
    _ column: StoredColumn, _ a: Int, _ b: Int, _ key: LogicalPlan.SortKey,
    _ ranks: [UInt32]
  ) -> Int {
    let (aIsNull, bIsNull) = (column.isNull(a), column.isNull(b))
    if aIsNull || bIsNull {
      if aIsNull && bIsNull { return 0 }
      return aIsNull == key.nullsFirst ? -1 : 1
    }
    let order: Int
    switch column.layout {
    case .int64: order = RowOrder.sign(column.int64s[a], column.int64s[b])
    case .int128: order = RowOrder.sign(column.int128s[a], column.int128s[b])
    case .bool: order = RowOrder.sign(column.bools[a], column.bools[b])
    case .double: order = TotalOrder.compare(column.doubles[a], column.doubles[b])
    case .code: order = ranks.isEmpty ? 0 : RowOrder.sign(ranks[a], ranks[b])
    }
    return key.isDescending ? -order : order
  }

  @inline(__always)
  private static func sign<Number: Comparable>(_ a: Number, _ b: Number) -> Int {
    a < b ? -1 : (a > b ? 1 : 0)
  }
}
