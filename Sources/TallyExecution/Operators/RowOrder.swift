import TallyBase
import TallyPlanning

/// Orders rows of a `RowStore` by sort keys.
///
/// Every key of every row is turned into an unsigned integer that ascends in sort order, those of a
/// row side by side, so comparisons are of integers. Where integers cannot tell all values apart
/// (sums beyond 64 bits, extremes beside NULLs) equal ones are compared by value. What is equal by
/// all keys goes by the sequence number.
struct RowOrder {
  private let keys: [LogicalPlan.SortKey]
  private let columns: [StoredColumn]
  private let sequence: [Int64]
  /// That of key `k` of row `r` at `r * keys.count + k`.
  private var ordinals: [UInt64]
  /// By key: whether equal integers mean equal values.
  private var isExact: [Bool]

  init(
    keys: [LogicalPlan.SortKey], columns: [StoredColumn], sequence: [Int64]
  ) throws(TallyError) {
    self.keys = keys
    self.columns = columns
    self.sequence = sequence
    ordinals = [UInt64](repeating: 0, count: sequence.count * keys.count)
    isExact = [Bool](repeating: true, count: keys.count)
    for (index, column) in columns.enumerated() { try place(column, index) }
  }

  /// What ordering holds beside the rows: integers of keys, ranks of a text key, row numbers.
  static func byteCount(rowCount: Int, keyCount: Int) -> Int { rowCount * (48 + 8 * keyCount) }

  private mutating func place(_ column: StoredColumn, _ index: Int) throws(TallyError) {
    let rows = sequence.indices
    switch column.layout {
    case .int64: place(index) { column.int64s[$0] }
    case .double: place(index) { TotalOrder.key(column.doubles[$0]) }
    case .bool: place(index) { Int64(column.bools[$0]) }
    case .int128:
      isExact[index] = rows.allSatisfy { Int64(exactly: column.int128s[$0]) != nil }
      place(index) { Int64(clamping: column.int128s[$0]) }
    case .code:
      guard let pool = column.pool else { return place(index) { _ in 0 } }
      let ranks = try pool.withTable { (table) throws(TallyError) in
        TextOrder.ranks(column.codes, in: table)
      }
      place(index) { Int64(ranks[$0]) }
    }
  }

  /// NULLs go to one end whatever the direction; 0 and .max are theirs alone where there are any.
  @inline(__always)
  private mutating func place(_ index: Int, _ value: (Int) -> Int64) {
    let key = keys[index]
    let column = columns[index]
    let hasNulls = column.layout == .code || !column.validity.isEmpty
    var place = index
    for row in sequence.indices {
      let ascending = UInt64(bitPattern: value(row)) ^ (1 << 63)
      var ordinal = key.isDescending ? ~ascending : ascending
      if hasNulls {
        if column.isNull(row) {
          ordinal = key.nullsFirst ? 0 : .max
        } else if ordinal == 0 || ordinal == .max {
          isExact[index] = false
          ordinal = ordinal == 0 ? 1 : .max - 1
        }
      }
      ordinals[place] = ordinal
      place += keys.count
    }
  }

  /// Row numbers in order, at most the first `count`.
  ///
  /// - Complexity: O(n log n) comparisons, nearly all of them of one integer.
  func sorted(rowCount: Int, first count: Int) -> [Int] {
    let keyCount = keys.count
    let canTell = isExact.allSatisfy { $0 }
    if canTell, let packed = PackedKeys(ordinals, keyCount: keyCount, rowCount: rowCount) {
      return packed.sorted(sequence, first: count)
    }
    var rows = (0..<rowCount).map { (first: keyCount > 0 ? ordinals[$0 * keyCount] : 0, row: $0) }
    unsafe ordinals.withUnsafeBufferPointer { ordinals in
      unsafe sequence.withUnsafeBufferPointer { sequence in
        rows.sort { a, b in
          if a.first != b.first { return a.first < b.first }
          guard canTell else { return precedes(a.row, b.row) }
          for key in 1..<max(keyCount, 1) {
            // SAFETY: rows are below `rowCount`, for each of which there are `keyCount` integers.
            let (left, right) = unsafe (
              ordinals[a.row * keyCount + key], ordinals[b.row * keyCount + key]
            )
            if left != right { return left < right }
          }
          return unsafe sequence[a.row] < sequence[b.row]
        }
      }
    }
    return rows.prefix(count).map(\.row)
  }

  /// Rows that may be among the first `count` by the only key, in their present order: those whose
  /// integer is not greater than the last of these.
  ///
  /// - Complexity: O(n) expected.
  func candidates(first count: Int) -> [Int] {
    guard keys.count == 1, count > 0, count < ordinals.count else { return Array(ordinals.indices) }
    var copy = ordinals
    let limit = QuickSelect.select(&copy, 0..<copy.count, rank: count - 1)
    return ordinals.indices.filter { ordinals[$0] <= limit }
  }

  /// Whether row `a` comes first, by values where integers do not tell.
  private func precedes(_ a: Int, _ b: Int) -> Bool {
    for (index, key) in keys.enumerated() {
      let left = ordinals[a * keys.count + index]
      let right = ordinals[b * keys.count + index]
      if left != right { return left < right }
      if isExact[index] { continue }
      let order = compare(columns[index], a, b, key)
      if order != 0 { return order < 0 }
    }
    return sequence[a] < sequence[b]
  }

  private func compare(
    _ column: StoredColumn, _ a: Int, _ b: Int, _ key: LogicalPlan.SortKey
  ) -> Int {
    // Equal integers: both are NULL or neither is.
    guard !column.isNull(a) else { return 0 }
    let order: Int
    switch column.layout {
    case .int64: order = RowOrder.sign(column.int64s[a], column.int64s[b])
    case .int128: order = RowOrder.sign(column.int128s[a], column.int128s[b])
    case .double: order = TotalOrder.compare(column.doubles[a], column.doubles[b])
    case .bool, .code: order = 0
    }
    return key.isDescending ? -order : order
  }

  @inline(__always)
  private static func sign<Number: Comparable>(_ a: Number, _ b: Number) -> Int {
    a < b ? -1 : (a > b ? 1 : 0)
  }
}
