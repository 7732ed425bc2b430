import TallyBase
import TallyPlanning

/// The keys of the worst row that a top-n keeps: rows that are worse need not be stored.
///
/// The first key decides most rows in one loop; only rows that tie with the kept one are compared
/// by the keys behind it. Keys are compared up to the first that is NULL in the kept row; rows that
/// tie so far pass.
struct RowThreshold {
  private enum Bound {
    case integer(Int64)
    case wide(Int128)
    case text([UInt8])
  }

  private let bounds: [Bound]
  private let keys: [LogicalPlan.SortKey]

  /// Nil when the first key does not allow a test.
  init?(
    _ columns: [StoredColumn], row: Int, keys: [LogicalPlan.SortKey]
  ) throws(TallyError) {
    var bounds: [Bound] = []
    for column in columns {
      guard !column.isNull(row) else { break }
      bounds.append(try RowThreshold.bound(column, row))
    }
    guard !bounds.isEmpty else { return nil }
    self.bounds = bounds
    self.keys = keys
  }

  private static func bound(_ column: StoredColumn, _ row: Int) throws(TallyError) -> Bound {
    switch column.layout {
    case .int64: return .integer(column.int64s[row])
    case .int128: return .wide(column.int128s[row])
    case .double: return .integer(TotalOrder.key(column.doubles[row]))
    case .bool: return .integer(Int64(column.bools[row]))
    case .code:
      guard let pool = column.pool else { return .text([]) }
      let code = column.codes[row]
      return .text(try pool.withTable { (table) throws(TallyError) in Array(table[code]) })
    }
  }

  /// Selects the rows that are not worse. `vectors` are the keys of a batch.
  func select(
    _ vectors: [Vector], _ rowCount: Int, into selection: SelectionVector
  ) throws(TallyError) {
    var ties = (0..<rowCount).map { UInt16(truncatingIfNeeded: $0) }
    // Rows that tie so far are undecided; all others are kept or dropped for good.
    var isDropped = [Bool](repeating: false, count: rowCount)
    for (index, bound) in bounds.enumerated() where !ties.isEmpty {
      try decide(bound, vectors[index], keys[index], rowCount, &ties, &isDropped)
    }
    var kept = 0
    for row in 0..<rowCount {
      unsafe selection.indexes[kept] = UInt16(truncatingIfNeeded: row)
      kept &+= isDropped[row] ? 0 : 1
    }
    selection.count = kept
  }

  /// Leaves in `ties` what equals the bound and marks what is worse.
  private func decide(
    _ bound: Bound, _ vector: Vector, _ key: LogicalPlan.SortKey, _ rowCount: Int,
    _ ties: inout [UInt16], _ isDropped: inout [Bool]
  ) throws(TallyError) {
    vector.flatten(rowCount: rowCount)
    var tieCount = 0
    func note(_ row: UInt16, _ order: Int) {
      let directed = key.isDescending ? -order : order
      ties[tieCount] = row
      tieCount &+= directed == 0 ? 1 : 0
      if directed > 0 { isDropped[Int(row)] = true }
    }
    func noteNull(_ row: UInt16) { if !key.nullsFirst { isDropped[Int(row)] = true } }

    switch bound {
    case .integer(let limit):
      for row in ties {
        if vector.isNull(Int(row)) {
          noteNull(row)
        } else {
          let value = RowThreshold.integer(vector, Int(row))
          note(row, value < limit ? -1 : value > limit ? 1 : 0)
        }
      }
    case .wide(let limit):
      for row in ties {
        if vector.isNull(Int(row)) {
          noteNull(row)
        } else {
          let value = unsafe vector.int128s[Int(row)]
          note(row, value < limit ? -1 : value > limit ? 1 : 0)
        }
      }
    case .text(let limit):
      guard let pool = vector.pool else { return }
      try pool.withTable { (table) throws(TallyError) in
        for row in ties {
          let code = unsafe vector.codes[Int(row)]
          if code == nullSymbolCode {
            noteNull(row)
          } else {
            note(row, TextOrder.compare(table[code], limit[...]))
          }
        }
      }
    }
    ties.removeLast(ties.count - tieCount)
  }

  @inline(__always)
  private static func integer(_ vector: Vector, _ row: Int) -> Int64 {
    switch vector.layout {
    case .double: unsafe TotalOrder.key(vector.doubles[row])
    case .bool: unsafe Int64(vector.bools[row])
    default: unsafe vector.int64s[row]
    }
  }
}
