import TallyBase
import TallyPlanning

/// Orders rows of a `RowStore` by sort keys.
///
/// The first key is turned into unsigned integers that ascend in sort order, so most comparisons
/// are one machine instruction; ties go to the other keys, then to the sequence number.
struct RowOrder {
  private let keys: [LogicalPlan.SortKey]
  private let columns: [StoredColumn]
  private let sequence: [Int64]
  private let primary: [UInt64]
  /// By key: ranks of text codes in byte order.
  private let ranks: [[SymbolCode: Int]]

  init(
    keys: [LogicalPlan.SortKey], columns: [StoredColumn], sequence: [Int64],
    budget: MemoryBudget
  ) throws(TallyError) {
    self.keys = keys
    self.columns = columns
    self.sequence = sequence
    var ranks: [[SymbolCode: Int]] = []
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

  /// Ranks of the codes that occur.
  private static func rank(_ column: StoredColumn) throws(TallyError) -> [SymbolCode: Int] {
    guard column.layout == .code, let pool = column.pool else { return [:] }
    return try pool.withTable { (table) throws(TallyError) in
      let strings = Set(column.codes).filter { $0 != nullSymbolCode }
        .map { ($0, table.string($0)) }
        .sorted { $0.1 < $1.1 }
      var ranks: [SymbolCode: Int] = [:]
      for (rank, entry) in strings.enumerated() { ranks[entry.0] = rank }
      return ranks
    }
  }

  /// NULLs go to one end whatever the direction; 0 and .max are theirs alone.
  private static func primary(
    _ column: StoredColumn, _ row: Int, _ key: LogicalPlan.SortKey, _ ranks: [SymbolCode: Int]
  ) -> UInt64 {
    if column.isNull(row) { return key.nullsFirst ? 0 : .max }
    let signed: Int64 =
      switch column.layout {
      case .int64: column.int64s[row]
      case .double: TotalOrder.key(column.doubles[row])
      case .bool: Int64(column.bools[row])
      case .code: Int64(ranks[column.codes[row]] ?? 0)
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
    var rows = Array(0..<rowCount)
    rows.sort(by: precedes)
    return count < rowCount ? Array(rows.prefix(count)) : rows
  }

  private func precedes(_ a: Int, _ b: Int) -> Bool {
    if primary[a] != primary[b] { return primary[a] < primary[b] }
    for (index, key) in keys.enumerated() {
      let order = compare(columns[index], a, b, key, ranks[index])
      if order != 0 { return order < 0 }
    }
    return sequence[a] < sequence[b]
  }

  private func compare(
    _ column: StoredColumn, _ a: Int, _ b: Int, _ key: LogicalPlan.SortKey,
    _ ranks: [SymbolCode: Int]
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
    case .code: order = RowOrder.sign(ranks[column.codes[a]] ?? 0, ranks[column.codes[b]] ?? 0)
    }
    return key.isDescending ? -order : order
  }

  @inline(__always)
  private static func sign<Number: Comparable>(_ a: Number, _ b: Number) -> Int {
    a < b ? -1 : (a > b ? 1 : 0)
  }
}
